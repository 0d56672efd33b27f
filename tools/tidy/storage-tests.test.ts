/**
 * Every test that touches a database runs on both: SQLite and PostgreSQL differ where it hurts most.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTidy, type RepositoryFile, repositoryFiles, type Violation } from './repository.ts'
import { importsOf, parse, walk } from './syntax.ts'

/** Tests of one database's own behaviour, and tests that never open one, each with the reason. */
const allowed: readonly { readonly path: RegExp; readonly reason: string }[] = [
  { path: /\/store\/(sqlite|postgres)\//, reason: 'is about that database alone' },
  { path: /\/test\/(sqlite|postgres)[^/]*\.test\.ts$/, reason: 'is about that database alone' },
]

function check(file: RepositoryFile): readonly Violation[] {
  const source = parse(file)
  const opens = importsOf(source).some(({ from }) =>
    /(^|\/)store\/(store|migration\/migrate)\.ts$/.test(from),
  )
  if (!opens || !usesName(file, 'openStore') || usesName(file, 'forEachDatabase')) return []
  if (allowed.some(({ path }) => path.test(file.path))) return []
  return [
    {
      path: file.path,
      problem: 'opens a store without forEachDatabase (packages/server/test/support/database.ts)',
    },
  ]
}

function usesName(file: RepositoryFile, name: string): boolean {
  let used = false
  walk(parse(file).program, (node) => {
    used ||= node.type === 'Identifier' && node['name'] === name
  })
  return used
}

test('a test that opens a store by itself is found; one that loops over the databases is not', () => {
  const alone = "import { openStore } from '../src/store/store.ts'\nopenStore()"
  assert.equal(check({ path: 'a.test.ts', text: alone }).length, 1)
  assert.equal(check({ path: 'a.test.ts', text: `${alone}\nforEachDatabase('x', () => {})` }).length, 0)
  assert.equal(
    check({ path: 'a.test.ts', text: "import type { Tx } from '../src/store/store.ts'" }).length,
    0,
  )
})

test('every test that opens a store runs on both databases', () => {
  assertTidy(repositoryFiles(/^packages\/server\/.*\.test\.ts$/).flatMap(check))
})
