/**
 * `npm run docs` writes the generated pages; with `--check` it writes nothing and fails if one is out of date.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { repositoryRoot } from '../tidy/repository.ts'
import { configurationPage } from './configuration-page.ts'
import { metricsPage } from './metrics-page.ts'
import { proofPage } from './proof-page.ts'
import { reasonsPage } from './reasons-page.ts'
import { keycloakDialectPage, standardsPage } from './standards-page.ts'

const pages: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': configurationPage,
  'docs/standards.md': standardsPage,
  'docs/keycloak-dialect.md': keycloakDialectPage,
  'docs/reasons.md': reasonsPage,
  'docs/proof.md': proofPage,
  'docs/operating/metrics.md': metricsPage,
}

const outOfDate = Object.entries(pages).filter(([name, write]) => {
  const file = path.join(repositoryRoot, name)
  const text = write()
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return false
  if (!process.argv.includes('--check')) writeFileSync(file, text)
  return true
})

for (const [name] of outOfDate) console.log(name)
if (process.argv.includes('--check') && outOfDate.length > 0) {
  console.error('Out of date: run `npm run docs` and commit the result.')
  process.exitCode = 1
}
