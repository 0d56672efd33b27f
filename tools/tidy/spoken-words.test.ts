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
import { parse, type SyntaxNode, walk } from './syntax.ts'

/** Generated pages quote the standards and Keycloak word for word. */
const readByPeople =
  /^(README\.md|docs\/(?!decisions\/|standards\.md|keycloak-dialect\.md).*\.md|packages\/server\/src\/(page|command|http)\/.*(?<!\.test)\.ts|examples\/.*\.(?<!\.test\.)(ts|py|html|md))$/
const wrong = /\b(log(?:ged|ging|s)?)[ -](in|out|off|on)\b/gi
const quoted = /`[^`]*`/g

function check(file: RepositoryFile): readonly Violation[] {
  return violationsOf(
    { ...file, text: spoken(file) },
    wrong,
    ([words]) => `says "${words}": people sign in and sign out`,
  )
}

/** What people see of a file: of code its strings, of a document its prose. Everything else is blanked out. */
function spoken(file: RepositoryFile): string {
  const blank = (text: string): string => text.replace(/[^\n]/g, ' ')
  if (!file.path.endsWith('.ts')) return file.text.replace(quoted, blank)
  const strings: SyntaxNode[] = []
  walk(parse(file).program, (node) => {
    if (node.type === 'TemplateElement' || typeof node['value'] === 'string') strings.push(node)
  })
  let text = blank(file.text)
  for (const { start, end } of strings)
    text = text.slice(0, start) + file.text.slice(start, end) + text.slice(end)
  return text
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
