/**
 * The title of a test is the sentence that it proves. Two tests that prove the same sentence are one too many.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTidy, repositoryFiles, type Violation } from './repository.ts'
import { type TestTitle as Title, titlesOf } from './titles.ts'

function checkTwice(titles: readonly Title[]): readonly Violation[] {
  const seen = new Map<string, Title>()
  return titles.flatMap((title) => {
    const before = seen.get(title.whole)
    seen.set(title.whole, title)
    if (!before) return []
    return [{ ...title, problem: `"${title.own}" is also the title at ${before.path}:${before.line}` }]
  })
}

/** A sentence has words; a function's name or a single word proves nothing. */
function checkSentence(title: Title): readonly Violation[] {
  return title.own.trim().split(/\s+/).length >= 3
    ? []
    : [{ ...title, problem: `"${title.own}" is not a sentence` }]
}

test('a title that stands twice under the same groups is found, also across files', () => {
  const one = {
    path: 'a.test.ts',
    text: "describe('x', () => { test('a b c', () => {}) })\ntest('a b c', () => {})",
  }
  const two = { path: 'b.test.ts', text: "test('a b c', () => {})" }
  assert.deepEqual(
    checkTwice([one, two].flatMap(titlesOf)).map(({ path }) => path),
    ['b.test.ts'],
  )
})

test('a title of one word is found', () => {
  const titles = titlesOf({
    path: 'a.test.ts',
    text: "test('works', () => {})\ntest('a token is refused', () => {})",
  })
  assert.deepEqual(
    titles.flatMap(checkSentence).map(({ line }) => line),
    [1],
  )
})

test('a title that is filled in from a table knows the table, and no other title does', () => {
  const titles = titlesOf({
    path: 'a.test.ts',
    text: "for (const [id] of [['X-1']]) {\n  test(`${id} is refused`, () => {})\n  test('it is refused', () => {})\n}",
  })
  assert.deepEqual(
    titles.map(({ tables }) => tables),
    ["[['X-1']]", ''],
  )
})

test('no test title stands twice, and each is a sentence', () => {
  const titles = repositoryFiles(/\.test\.ts$/).flatMap(titlesOf)
  assert.ok(titles.length > 30)
  assertTidy([...checkTwice(titles), ...titles.flatMap(checkSentence)])
})
