/**
 * Folders are concepts and files are steps: kebab-case, singular, and never a drawer.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTidy, repositoryPaths, type Violation } from './repository.ts'

const drawers = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'lib',
  'libs',
  'common',
  'shared',
  'misc',
  'services',
  'controllers',
  'repositories',
])
/** Python's packages are lower_snake, its tools and Django fix some names. */
const python = /^(examples\/portal|python)\//
const kebabFile = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.(ts|js|mjs|css)$/
const kebabFolder = /^\.?[a-z0-9]+([-.][a-z0-9]+)*$/

function check(file: string): readonly Violation[] {
  const parts = file.split('/')
  const name = parts.pop() ?? ''
  const folders = parts.flatMap((folder) => {
    if (drawers.has(folder)) return [`stands in ${folder}/: a folder names a concept of the domain`]
    return kebabFolder.test(folder) || python.test(file)
      ? []
      : [`stands in ${folder}/: folders are kebab-case`]
  })
  const badName = /\.(ts|js|mjs|css)$/.test(name) && !kebabFile.test(name)
  const problems = badName ? [...folders, 'is not named in kebab-case'] : folders
  return problems.map((problem) => ({ path: file, problem }))
}

test('drawers, capitals and underscores in names are found', () => {
  const planted = [
    'src/utils/a.ts',
    'src/signOut/a.ts',
    'src/sign-out/signOut.ts',
    'src/sign-out/sign-out.ts',
    'src/a.b.test.ts',
  ]
  assert.deepEqual(
    planted.filter((file) => check(file).length > 0),
    planted.slice(0, 3),
  )
  assert.deepEqual(check('examples/portal/portal_site/urls.py'), [])
})

test('every folder and file of the repository has a name of this form', () => {
  assertTidy(repositoryPaths().flatMap(check))
})
