/**
 * The titles of the tests in a file, with the groups around them.
 */
import { lineAt, type RepositoryFile } from './repository.ts'
import { dottedName, isNode, parse, type SyntaxNode, walk } from './syntax.ts'

export interface TestTitle {
  readonly path: string
  readonly line: number
  /** Titles of the describes around it, then its own. */
  readonly whole: string
  readonly own: string
  /** Source of the tables whose rows fill in the title, one test for each row. */
  readonly tables: string
}

const callsOfTests = /^(test|it)(\.(only|skip|todo))?$/
const callsOfGroups = /^(describe|suite|forEachDatabase)(\.(only|skip|todo))?$/

/** Every test of a file, in order. */
export function titlesOf(file: RepositoryFile): readonly TestTitle[] {
  const found: TestTitle[] = []
  walk(parse(file).program, (node, parents) => {
    const own = titleOf(node, callsOfTests, file)
    if (own === undefined) return
    const around = parents.flatMap((parent) => titleOf(parent, callsOfGroups, file) ?? [])
    found.push({
      path: file.path,
      line: lineAt(file.text, node.start),
      whole: [...around, own].join(' › '),
      own,
      tables: own.includes('${') ? tablesAround(parents, file) : '',
    })
  })
  return found
}

/** `for (const [title, …] of [ … ])`: the rows as they are written. */
function tablesAround(parents: readonly SyntaxNode[], file: RepositoryFile): string {
  return parents
    .filter((parent) => parent.type === 'ForOfStatement')
    .map(({ right }) => (isNode(right) ? file.text.slice(right.start, right.end) : ''))
    .join('\n')
}

function titleOf(node: SyntaxNode, calls: RegExp, file: RepositoryFile): string | undefined {
  if (node.type !== 'CallExpression' || !calls.test(dottedName(node['callee']) ?? '')) return undefined
  const first = Array.isArray(node['arguments']) ? node['arguments'][0] : undefined
  if (!isNode(first)) return undefined
  if (first.type === 'Literal') return String(first['value'])
  return first.type === 'TemplateLiteral' ? file.text.slice(first.start + 1, first.end - 1) : undefined
}
