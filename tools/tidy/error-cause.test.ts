/**
 * An error that replaces another carries it as `cause`. Biome's rule for this reads the second argument only, and
 * `CurfewError` takes the cause in its third.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTidy, lineAt, type RepositoryFile, repositoryFiles, type Violation } from './repository.ts'
import { parse, type SyntaxNode, walk } from './syntax.ts'

const functions = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/

function check(file: RepositoryFile): readonly Violation[] {
  const found: Violation[] = []
  walk(parse(file).program, (node, parents) => {
    if (!throwsNew(node) || !isInCatch(parents)) return
    if (/\bcause\b/.test(file.text.slice(node.start, node.end))) return
    found.push({
      path: file.path,
      line: lineAt(file.text, node.start),
      problem: 'replaces an error and drops it: pass it as cause',
    })
  })
  return found
}

function throwsNew(node: SyntaxNode): boolean {
  const thrown = node['argument'] as SyntaxNode | undefined
  return node.type === 'ThrowStatement' && thrown?.type === 'NewExpression'
}

/** Inside a catch clause, with no function between: a function made there runs another time. */
function isInCatch(parents: readonly SyntaxNode[]): boolean {
  const nearest = parents.findLast((parent) => parent.type === 'CatchClause' || functions.test(parent.type))
  return nearest?.type === 'CatchClause'
}

test('a new error thrown from a catch clause without its cause is found', () => {
  const text = [
    'try { a() } catch (error) { throw new Error("b") }',
    'try { a() } catch (error) { throw new CurfewError("C", "d", { cause: error }) }',
    'try { a() } catch (error) { throw error }',
    'try { a() } catch { later(() => { throw new Error("e") }) }',
  ].join('\n')
  assert.deepEqual(
    check({ path: 'a.ts', text }).map(({ line }) => line),
    [1],
  )
})

test('no error is dropped when another takes its place', () => {
  assertTidy(repositoryFiles(/^packages\/.*\.ts$/).flatMap(check))
})
