/**
 * A rule may be broken where it makes a place harder to read, and then the line says why.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTidy, lineAt, type RepositoryFile, repositoryFiles, type Violation } from './repository.ts'
import { parse } from './syntax.ts'

const reasonCharactersMin = 15
const kinds: readonly { readonly mark: RegExp; readonly form: string }[] = [
  { mark: /biome-ignore(?:-all|-start|-end)?\s+[\w/]+/, form: '// biome-ignore rule: reason' },
  { mark: /@ts-expect-error/, form: '// @ts-expect-error: reason' },
  { mark: /oxlint-disable(?:-next-line|-line)?\s+[\w/-]+/, form: '// oxlint-disable-next-line rule: reason' },
]

function check(file: RepositoryFile): readonly Violation[] {
  return parse(file).comments.flatMap(({ value, start }) => {
    const line = lineAt(file.text, start)
    if (/@ts-(ignore|nocheck)/.test(value)) {
      return [
        { path: file.path, line, problem: 'use @ts-expect-error: it fails when it is no longer needed' },
      ]
    }
    const kind = kinds.find(({ mark }) => mark.test(value))
    if (!kind) return []
    const reason = /[^:]:\s*(.*)/s.exec(value.slice(value.search(kind.mark)))?.[1]?.trim() ?? ''
    if (reason.length >= reasonCharactersMin) return []
    return [{ path: file.path, line, problem: `gives no reason: write ${kind.form}` }]
  })
}

test('a suppression without a reason is found; one with a reason is not', () => {
  const text = [
    '// biome-ignore lint/style/noEnum: needed',
    '// biome-ignore lint/style/noEnum: the wire of this message has fixed names',
    '// @ts-expect-error',
    '// @ts-expect-error: the engine has no type for this member',
    '// @ts-ignore',
    '// oxlint-disable-next-line no-floating-promises',
    'const text = "// @ts-ignore"',
  ].join('\n')
  assert.deepEqual(
    check({ path: 'a.ts', text }).map(({ line }) => line),
    [1, 3, 5, 6],
  )
})

test('every suppression in the repository gives its reason', () => {
  assertTidy(repositoryFiles(/\.(ts|js|mjs)$/).flatMap(check))
})
