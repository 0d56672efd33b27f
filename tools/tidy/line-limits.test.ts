/**
 * A file fits in one reading (400 lines, 500 in tests), a story function on one screen (40). Functions in general (70 lines,
 * cognitive complexity 15) are Biome's.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTidy, lineAt, type RepositoryFile, repositoryFiles, type Violation } from './repository.ts'
import { isNode, parse, walk } from './syntax.ts'

const fileLinesMax = 400
/** A test reads as a list: it may be longer than what has to be understood at once. */
const testLinesMax = 500
const storyLinesMax = 40

/** At most five, each with the reason why it reads better whole. */
const longFiles: Readonly<Record<string, string>> = {
  'packages/server/src/store/tables.ts': 'one schema, read from top to bottom',
}

/** Functions that tell a whole flow by calling its named steps. */
const storyFunctions: Readonly<Record<string, string>> = {
  signOut: 'packages/server/src/sign-out/sign-out.ts',
  dispatchDelivery: 'packages/server/src/delivery/dispatch.ts',
  compose: 'packages/server/src/compose.ts',
}

const source = /\.(ts|js|mjs|py)$/

function checkFile(file: RepositoryFile): readonly Violation[] {
  const lines = file.text.split('\n').length - 1
  const linesMax = /\/test\/|\.test\.ts$/.test(file.path) ? testLinesMax : fileLinesMax
  if (lines <= linesMax || file.path in longFiles) return []
  return [
    { path: file.path, problem: `has ${lines} lines, ${linesMax} is the limit: give each step its own file` },
  ]
}

function checkStories(file: RepositoryFile): readonly Violation[] {
  const found: Violation[] = []
  walk(parse(file).program, (node) => {
    if (node.type !== 'FunctionDeclaration' || !isNode(node['id'])) return
    const name = String(node['id']['name'])
    const first = lineAt(file.text, node.start)
    const lines = lineAt(file.text, node.end) - first + 1
    if (storyFunctions[name] !== file.path || lines <= storyLinesMax) return
    found.push({
      path: file.path,
      line: first,
      problem: `${name} has ${lines} lines, a story fits in ${storyLinesMax}`,
    })
  })
  return found
}

test('a file of 401 lines is found, one of 400 is not', () => {
  assert.equal(checkFile({ path: 'a.ts', text: 'x\n'.repeat(401) }).length, 1)
  assert.equal(checkFile({ path: 'a.ts', text: 'x\n'.repeat(400) }).length, 0)
  assert.equal(checkFile({ path: 'a.test.ts', text: 'x\n'.repeat(500) }).length, 0)
  assert.equal(checkFile({ path: 'a.test.ts', text: 'x\n'.repeat(501) }).length, 1)
})

test('a story function of 41 lines is found, one of 40 is not', () => {
  const story = (lines: number): RepositoryFile => ({
    path: storyFunctions['signOut'] ?? '',
    text: `export async function signOut() {\n${'step()\n'.repeat(lines - 2)}}\n`,
  })
  assert.equal(checkStories(story(41)).length, 1)
  assert.equal(checkStories(story(40)).length, 0)
})

test('every file is within its limit, and the list of long files is short and true', () => {
  const files = repositoryFiles(source)
  assertTidy(files.flatMap(checkFile))
  assert.ok(Object.keys(longFiles).length <= 5)
  const paths = new Set(files.map(({ path }) => path))
  assert.deepEqual(
    Object.keys(longFiles).filter((path) => !paths.has(path)),
    [],
    'long files that are gone',
  )
})

test('every story function fits on one screen', () => {
  assertTidy(repositoryFiles(/^packages\/server\/src\/.*\.ts$/).flatMap(checkStories))
})
