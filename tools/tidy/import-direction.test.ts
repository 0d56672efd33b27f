/**
 * Imports go one way (docs/architecture.md): a folder may import from folders of its own row or below it.
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { assertTidy, lineAt, type RepositoryFile, repositoryFiles, type Violation } from './repository.ts'
import { importsOf, parse } from './syntax.ts'

/** From the top down. Names are folders or files directly below packages/server/src. */
const rows: readonly (readonly string[])[] = [
  ['main.ts'],
  ['command'],
  ['compose.ts', 'compose'],
  ['op', 'saml', 'page', 'admin-api', 'doctor', 'http', 'telemetry', 'background'],
  ['sign-in', 'sign-out', 'rp', 'realm', 'sender'],
  ['session', 'delivery', 'account', 'event'],
  ['key', 'store'],
  ['config'],
  ['ambient', 'errors.ts'],
]

/**
 * Contract files hold the types that several rows share (a realm has clients, a delivery names its channel).
 * Anybody may import them; they import each other and what is below.
 */
const contracts: ReadonlySet<string> = new Set([
  'realm/realm.ts',
  'rp/client.ts',
  'account/account.ts',
  'event/event.ts',
  'session/session.ts',
  'sign-out/sign-out-command.ts',
  'sender/sender.ts',
  'delivery/delivery.ts',
  'key/key.ts',
  'store/tables.ts',
])

const root = 'packages/server/src/'

function check(file: RepositoryFile): readonly Violation[] {
  const from = file.path.slice(root.length)
  const own = rowOf(from)
  if (own < 0)
    return [
      { path: file.path, problem: `is in no row: add ${topOf(from)} to tools/tidy/import-direction.test.ts` },
    ]
  return importsOf(parse(file)).flatMap(({ from: specifier, start }) => {
    if (!specifier.startsWith('.')) return []
    const target = path.posix.join(path.posix.dirname(from), specifier)
    if (contracts.has(target) || rowOf(target) >= own) return []
    const problem = `imports ${target}, which is above it: hand it in as an argument from compose.ts`
    return [{ path: file.path, line: lineAt(file.text, start), problem }]
  })
}

function topOf(file: string): string {
  return file.split('/')[0] ?? file
}

function rowOf(file: string): number {
  return rows.findIndex((row) => row.includes(topOf(file)))
}

test('an import upwards is found; one sideways, downwards or of a contract is not', () => {
  const text = [
    "import { signOut } from '../sign-out/sign-out.ts'",
    "import type { SignOutCommand } from '../sign-out/sign-out-command.ts'",
    "import { settle } from '../delivery/settle.ts'",
    "import { openStore } from '../store/store.ts'",
    "const late = import('../op/op.ts')",
    "export { x } from '../page/page.ts'",
  ].join('\n')
  const lines = check({ path: `${root}session/expire.ts`, text }).map(({ line }) => line)
  assert.deepEqual(lines, [1, 5, 6])
  assert.match(check({ path: `${root}unheard/of.ts`, text: '' })[0]?.problem ?? '', /in no row/)
})

test('every import in the server goes downwards', () => {
  const files = repositoryFiles(/^packages\/server\/src\/.*(?<!\.test)\.ts$/)
  assert.ok(files.length > 20)
  assertTidy(files.flatMap(check))
})
