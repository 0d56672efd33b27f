/**
 * `npm run check`: everything that is checked without running the product, fastest first. Runs all of them and
 * then says which failed.
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')

interface Check {
  readonly name: string
  readonly command: readonly string[]
}

const checks: readonly Check[] = [
  { name: 'biome: format, lint, imports', command: ['biome', 'check', '--error-on-warnings'] },
  { name: 'oxlint: promises and switches', command: ['oxlint', '--type-aware'] },
  { name: 'tsc: types', command: ['tsc', '--project', '.', '--noEmit'] },
  { name: 'knip: unused files, exports, packages', command: ['knip'] },
  { name: 'tidy: house rules', command: ['node', '--test', '--test-reporter=dot', 'tools/tidy/*.test.ts'] },
  {
    name: 'docs: generated pages are up to date',
    command: ['node', '-C', '@curfew/source', 'tools/docs/write-docs.ts', '--check'],
  },
]

const failed = checks.filter(({ name, command }) => {
  const [program = '', ...args] = command
  const startedAt = performance.now()
  const bin = path.join(root, 'node_modules/.bin', program)
  const run = spawnSync(bin, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${run.status === 0 ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)`)
  if (run.status !== 0) console.log(`${run.stdout ?? ''}${run.stderr ?? ''}${run.error?.message ?? ''}`)
  return run.status !== 0
})

if (failed.length > 0) console.log(`${failed.length} of ${checks.length} checks failed.`)
process.exitCode = failed.length > 0 ? 1 : 0
