/**
 * docs/standards.md and docs/keycloak-dialect.md: every numbered requirement, and the tests whose titles carry
 * its number.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { trackedFiles } from '../tidy/repository.ts'
import { type TestTitle, titlesOf } from '../tidy/titles.ts'

export interface Requirement {
  readonly id: string
  /** The text that it comes from, with its section where there is one. */
  readonly of: string
  readonly rule: string
}

const requirements = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'requirements.json'), 'utf8'),
) as readonly Requirement[]

const isKeycloak = ({ of }: Requirement): boolean => of.startsWith('Keycloak dialect')

export function standardsPage(): string {
  return page(
    'Standards and rules, and the tests that hold us to them',
    'Every requirement has a number. A test that proves one carries the number in its title.',
    requirements.filter((requirement) => !isKeycloak(requirement)),
  )
}

export function keycloakDialectPage(): string {
  return page(
    "Keycloak's dialect, and the tests that hold us to it",
    "What Keycloak's users, clients and scripts rely on, and what Curfew does: the same, or something stricter or better that is named. First what Keycloak does, then what Curfew does.",
    requirements.filter(isKeycloak),
  )
}

function page(title: string, introduction: string, list: readonly Requirement[]): string {
  const titles = trackedFiles(/^(packages|examples|python)\/.*\.test\.ts$/).flatMap(titlesOf)
  const groups = Map.groupBy(list, ({ of }) => of.replace(/ §.*$/, ''))
  const sections = [...groups].map(([name, members]) => sectionOf(name, members, testsById(titles)))
  return `# ${title}

<!-- Written by \`npm run docs\` from tools/docs/requirements.json and the titles of the tests. -->

${introduction} "–" means that no test carries the number yet; requirements marked "(RP)" bind the application, not the server.

${sections.join('\n')}`
}

function sectionOf(
  name: string,
  members: readonly Requirement[],
  tests: ReadonlyMap<string, readonly TestTitle[]>,
): string {
  const rows = members.map(({ id, of, rule }) => {
    const section = /§.*$/.exec(of)?.[0]
    const proofs = (tests.get(id) ?? []).map((title) => `[${cell(title.own)}](../${title.path})`)
    return `| ${id}${section ? ` (${section})` : ''} | ${cell(rule)} | ${proofs.join('<br>') || '–'} |`
  })
  const provenCount = members.filter(({ id }) => tests.has(id)).length
  return `## ${name.replace(/^Keycloak dialect: /, '')}

${provenCount} of ${members.length} have a test.

| id | requirement | proven by |
|---|---|---|
${rows.join('\n')}
`
}

const knownIds: ReadonlySet<string> = new Set(requirements.map(({ id }) => id))

/** Which tests carry which number; a range such as BCL-40–47 carries all of it. */
export function testsById(titles: readonly TestTitle[]): ReadonlyMap<string, readonly TestTitle[]> {
  const found = new Map<string, TestTitle[]>()
  for (const title of titles) {
    for (const id of idsIn(`${title.whole}\n${title.tables}`))
      found.set(id, [...(found.get(id) ?? []), title])
  }
  return found
}

export function idsIn(text: string): ReadonlySet<string> {
  const ranges = [...text.matchAll(/\b([A-Z]{1,3}-?)(\d+)\s?[–-]\s?\1?(\d+)\b/g)].flatMap((match) => {
    const [, prefix = '', first = '', last = ''] = match
    const count = Number(last) - Number(first) + 1
    if (count < 2 || count > 50) return []
    return Array.from(
      { length: count },
      (_, index) => prefix + String(Number(first) + index).padStart(first.length, '0'),
    )
  })
  const single = text.match(/\b[A-Z]{1,4}-?\d+\b/g) ?? []
  const modules = text.match(/\boidcc-[a-z0-9-]+/g) ?? []
  return new Set([...single, ...ranges, ...modules].filter((id) => knownIds.has(id)))
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('[', '\\[').replaceAll(']', '\\]')
}
