/**
 * docs/storage.md names every table and every column, and nothing that is gone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { repositoryFiles } from './repository.ts'
import { isNode, parse, type SyntaxNode, walk } from './syntax.ts'

type Schema = Readonly<Record<string, readonly string[]>>

/** Tables and columns of the interfaces that `Tables` joins. */
function schemaOf(text: string): Schema {
  const members = new Map<string, readonly SyntaxNode[]>()
  walk(parse({ path: 'tables.ts', text }).program, (node) => {
    if (node.type !== 'TSInterfaceDeclaration' || !isNode(node['id']) || !isNode(node['body'])) return
    members.set(String(node['id']['name']), node['body']['body'] as readonly SyntaxNode[])
  })
  const nameOf = (member: SyntaxNode): string => String((member['key'] as SyntaxNode)['name'])
  return Object.fromEntries(
    (members.get('Tables') ?? []).map((table) => {
      const type = /:\s*(\w+)/.exec(text.slice(table.start, table.end))?.[1] ?? ''
      return [nameOf(table), (members.get(type) ?? []).map(nameOf)]
    }),
  )
}

/** Headings of the second level, and the quoted names in the first cells below each. */
function documentedIn(markdown: string): Schema {
  const sections = markdown.split(/^## /m).slice(1)
  return Object.fromEntries(
    sections.map((section) => {
      const [heading = '', ...lines] = section.split('\n')
      const cells = lines.filter((line) => line.startsWith('| `')).map((line) => line.split('|')[1] ?? '')
      return [
        heading.trim(),
        cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? '')),
      ]
    }),
  )
}

const sorted = (schema: Schema): readonly string[] =>
  Object.entries(schema)
    .flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`))
    .sort()

test('tables and columns are read from interfaces and from a document', () => {
  const source = 'interface ATable { id: string; at: number | null }\nexport interface Tables { a: ATable }'
  assert.deepEqual(sorted(schemaOf(source)), ['a.at', 'a.id'])
  assert.deepEqual(
    sorted(documentedIn('# T\n\n## a\n\n| column | holds |\n|---|---|\n| `id`, `at` | `x` |\n')),
    ['a.at', 'a.id'],
  )
})

test('docs/storage.md has every table and column of the schema, and no other', () => {
  const [tables] = repositoryFiles(/^packages\/server\/src\/store\/tables\.ts$/)
  const [document] = repositoryFiles(/^docs\/storage\.md$/)
  assert.ok(tables && document)
  assert.deepEqual(sorted(documentedIn(document.text)), sorted(schemaOf(tables.text)))
})
