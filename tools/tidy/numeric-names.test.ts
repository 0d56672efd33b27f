/**
 * Units are in the name: `timeoutMs`, `idleSeconds`, `attemptCountMax`. A bare `timeout` is a guess.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTidy, lineAt, type RepositoryFile, repositoryFiles, type Violation } from './repository.ts'
import { isNode, parse, type SyntaxNode, walk } from './syntax.ts'

/** `limit` alone only as a member: a query's parameter of that name counts rows. */
const bare =
  /^(timeout|delay|ttl|interval|duration|lifetime|age|backoff)$|[a-z](Timeout|Delay|Ttl|Interval|Duration|Lifetime|Age|Backoff)$/

/** Foreign names that keep their spelling, each with whose it is. */
const allowed: ReadonlySet<string> = new Set([
  'max_age', // OpenID Connect Core §3.1.2.1, seconds
])

function check(file: RepositoryFile): readonly Violation[] {
  const found: Violation[] = []
  walk(parse(file).program, (node) => {
    const name = numericName(node)
    const isBareMember = node.type === 'TSPropertySignature' && name === 'limit'
    if (name && (bare.test(name) || isBareMember) && !allowed.has(name)) {
      found.push({
        path: file.path,
        line: lineAt(file.text, node.start),
        problem: `has ${name}: number; put the unit into the name`,
      })
    }
  })
  return found
}

/** The name of a member, parameter or variable that is declared as `number`, or given a number. */
function numericName(node: SyntaxNode): string | undefined {
  if (node.type === 'TSPropertySignature' || node.type === 'PropertyDefinition') {
    return isNumber(node['typeAnnotation']) ? nameOf(node['key']) : undefined
  }
  if (node.type === 'Identifier') return isNumber(node['typeAnnotation']) ? nameOf(node) : undefined
  if (node.type !== 'VariableDeclarator') return undefined
  const value = node['init']
  return isNode(value) && value.type === 'Literal' && typeof value['value'] === 'number'
    ? nameOf(node['id'])
    : undefined
}

function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Identifier' ? String(node['name']) : undefined
}

function isNumber(annotation: unknown): boolean {
  const type = isNode(annotation) ? annotation['typeAnnotation'] : undefined
  return isNode(type) && type.type === 'TSNumberKeyword'
}

test('numbers without a unit in their name are found', () => {
  const text = [
    'interface A { timeout: number }',
    'interface B { timeoutMs: number }',
    'const retryDelay = 5',
    'const retryDelaySeconds = 5',
    'interface B2 { limit: number }',
    'function f(limit: number) {}',
    'const exitUsage = 2',
    'interface C { timeout: string }',
    'const message = "x"',
  ].join('\n')
  assert.deepEqual(
    check({ path: 'a.ts', text }).map(({ line }) => line),
    [1, 3, 5],
  )
})

test('every number in product code has its unit in its name', () => {
  assertTidy(repositoryFiles(/^packages\/[^/]+\/src\/.*(?<!\.test)\.ts$/).flatMap(check))
})
