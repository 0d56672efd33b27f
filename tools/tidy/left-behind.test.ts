/**
 * What a finished file does not hold: notes to oneself, paths of one machine, hosts that packages came from.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertTidy,
  type RepositoryFile,
  repositoryFiles,
  type Violation,
  violationsOf,
} from './repository.ts'

const own = 'tools/tidy/left-behind.test.ts'

const leftBehind: readonly { readonly mark: RegExp; readonly problem: string }[] = [
  { mark: /\b(?:FIXME|TODO|XXX|HACK)\b/g, problem: 'finish it, or write an issue' },
  { mark: /\bfor now\b/gi, problem: 'say what is true and why, not how long' },
  {
    mark: /\b(?:placeholder (?:implementation|code)|stubbed out|not implemented yet)\b/gi,
    problem: 'finish it',
  },
  { mark: /(?<![\w.])\/(?:home|Users|work|root)\/[\w.-]+/g, problem: 'is a path of one machine' },
  {
    mark: /\bregistry\.(?:npmjs|yarnpkg)\.\w+|\bpypi\.org|\bfiles\.pythonhosted\.org/g,
    problem: 'is the host of a registry',
  },
]

function check(file: RepositoryFile): readonly Violation[] {
  return leftBehind.flatMap(({ mark, problem }) =>
    violationsOf(file, mark, ([found]) => `has "${found}": ${problem}`),
  )
}

test('notes, machine paths and registry hosts are found', () => {
  const text = [
    '// TODO later',
    'const a = 1 // good enough for now',
    "open('/home/somebody/x')",
    'https://registry.npmjs.org/kysely',
    'GET /realms/home/x is a route',
    'the todo application',
  ].join('\n')
  assert.deepEqual(
    check({ path: 'a.ts', text }).map(({ line }) => line),
    [1, 2, 3, 4],
  )
})

test('nothing is left behind', () => {
  assertTidy(
    repositoryFiles()
      .filter(({ path }) => path !== own)
      .flatMap(check),
  )
})
