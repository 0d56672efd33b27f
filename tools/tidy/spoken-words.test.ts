/**
 * People read "sign in", "sign out" and "application": on pages, in the console, on the command line, in the
 * documents for operators and in the example applications.
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

const readByPeople =
  /^(README\.md|docs\/(?!decisions\/).*\.md|packages\/server\/src\/(page|command)\/.*\.ts|examples\/.*\.(js|ts|py|html))$/
const wrong = /\b(log(?:ged|ging|s)?)[ -](in|out|off|on)\b/gi
const quoted = /`[^`]*`/g

function check(file: RepositoryFile): readonly Violation[] {
  const text = file.path.endsWith('.md')
    ? file.text.replace(quoted, (code) => ' '.repeat(code.length))
    : file.text
  return violationsOf({ ...file, text }, wrong, ([words]) => `says "${words}": people sign in and sign out`)
}

test('"log in" and its relatives are found; protocol terms and quoted code are not', () => {
  const text = [
    'Please log in.',
    'You are logged out',
    'The logout token is signed.',
    '`docker log in` is quoted',
    'a catalog in print',
    'Log-out is done.',
  ].join('\n')
  assert.deepEqual(
    check({ path: 'a.md', text }).map(({ line }) => line),
    [1, 2, 6],
  )
})

test('nothing that people read says log in or log out', () => {
  assertTidy(repositoryFiles(readByPeople).flatMap(check))
})
