/**
 * House rule 3: time, waiting, randomness and the network are arguments. Only `ambient/` touches the first three,
 * only `sender/outbound-http.ts` opens connections.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTidy, lineAt, type RepositoryFile, repositoryFiles, type Violation } from './repository.ts'
import { dottedName, isNode, parse, type SyntaxNode, walk } from './syntax.ts'

const bannedCalls: Readonly<Record<string, string>> = {
  'Date.now': 'take a clock (ambient/clock.ts)',
  'performance.now': 'take a clock (ambient/clock.ts)',
  'Math.random': 'take random (ambient/random.ts)',
  'crypto.randomUUID': 'take random (ambient/random.ts)',
  'crypto.getRandomValues': 'take random (ambient/random.ts)',
  randomUUID: 'take random (ambient/random.ts)',
  randomBytes: 'take random (ambient/random.ts)',
  randomInt: 'take random (ambient/random.ts)',
  setTimeout: 'take a timer (ambient/timer.ts)',
  setInterval: 'take a timer (ambient/timer.ts)',
  fetch: 'only sender/outbound-http.ts opens connections',
}

/** Files that may, beside `ambient/`, each with the reason. */
const allowed: Readonly<Record<string, string>> = {
  'packages/server/src/sender/outbound-http.ts': 'the only opener of connections',
}

const productCode = /^packages\/[^/]+\/src\/(?!ambient\/).*(?<!\.test)\.ts$/

function check(file: RepositoryFile): readonly Violation[] {
  const found: Violation[] = []
  walk(parse(file).program, (node) => {
    const problem = problemOf(node)
    if (problem) found.push({ path: file.path, line: lineAt(file.text, node.start), problem })
  })
  return found
}

function problemOf(node: SyntaxNode): string | undefined {
  if (node.type === 'CallExpression') {
    const name = dottedName(node['callee'])?.replace(/^globalThis\./, '')
    const instead = name === undefined ? undefined : bannedCalls[name]
    return instead && `calls ${name}(): ${instead}`
  }
  if (node.type !== 'NewExpression' || dottedName(node['callee']) !== 'Date') return undefined
  const given = node['arguments']
  return Array.isArray(given) && given.some(isNode)
    ? undefined
    : 'calls new Date(): take a clock (ambient/clock.ts)'
}

test('reading the clock, random numbers, timers and fetch are found; passed-in ones are not', () => {
  const text = [
    'const a = Date.now()',
    'const b = new Date()',
    'const c = new Date(at)',
    'const d = globalThis.fetch("x")',
    'const e = deps.fetch("x") // not the global',
    'const f = clock.now() + Math.random()',
    'const g = "Date.now()" // only a string',
    'timer.setTimeout(1)',
    'setTimeout(() => undefined, 1)',
  ].join('\n')
  const lines = check({ path: 'a.ts', text }).map((violation) => violation.line)
  assert.deepEqual(lines, [1, 2, 4, 6, 9])
})

test('product code reads no clock, draws no randomness, sets no timer and opens no connection by itself', () => {
  const files = repositoryFiles(productCode).filter(({ path }) => !(path in allowed))
  assert.ok(files.length > 20)
  assertTidy(files.flatMap(check))
})
