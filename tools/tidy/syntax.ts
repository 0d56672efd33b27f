/**
 * The syntax tree of a TypeScript file, for rules that a line of text cannot decide.
 */
import { parseSync } from 'oxc-parser'
import type { RepositoryFile } from './repository.ts'

/** A node of the ESTree that oxc makes; fields differ by `type` and are read with care. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

export interface SourceComment {
  readonly value: string
  readonly start: number
  readonly end: number
}

export interface ParsedFile {
  readonly file: RepositoryFile
  readonly program: SyntaxNode
  readonly comments: readonly SourceComment[]
}

const parsed = new WeakMap<RepositoryFile, ParsedFile>()

/** @throws Error for a file that is not TypeScript or JavaScript. */
export function parse(file: RepositoryFile): ParsedFile {
  const known = parsed.get(file)
  if (known) return known
  const result = parseSync(file.path, file.text)
  const fault = result.errors[0]
  if (fault) throw new Error(`${file.path} cannot be parsed: ${fault.message}`)
  const made = { file, program: result.program as unknown as SyntaxNode, comments: result.comments }
  parsed.set(file, made)
  return made
}

/** Calls `visit` for every node, parents first. `parents` runs from the program to the direct parent. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parents: readonly SyntaxNode[]) => void,
  parents: readonly SyntaxNode[] = [],
): void {
  visit(node, parents)
  const inside = [...parents, node]
  for (const child of childrenOf(node)) walk(child, visit, inside)
}

function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  return Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode)
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

/** `a.b.c` as text, or undefined for anything that is not a chain of plain names. */
export function dottedName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Identifier') return String(node['name'])
  if (node.type !== 'MemberExpression' || node['computed'] === true) return undefined
  const object = dottedName(node['object'])
  const property = dottedName(node['property'])
  return object && property ? `${object}.${property}` : undefined
}

/** Every module that the file imports or re-exports, at the top or by a literal `import()`. */
export function importsOf(source: ParsedFile): readonly { readonly from: string; readonly start: number }[] {
  const found: { from: string; start: number }[] = []
  walk(source.program, (node) => {
    if (!/^(Import|ExportNamed|ExportAll)(Declaration|Expression)$/.test(node.type)) return
    const literal = node['source']
    if (isNode(literal) && typeof literal['value'] === 'string')
      found.push({ from: literal['value'], start: node.start })
  })
  return found
}
