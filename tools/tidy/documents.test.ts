/**
 * Documents: one title each, and no relative link that leads nowhere.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import {
  assertTidy,
  type RepositoryFile,
  repositoryFiles,
  repositoryRoot,
  type Violation,
  violationsOf,
} from './repository.ts'

const fences = /^(`{3,}|~{3,}).*?^\1/gms

/** The prose, with code blanked out; lines stay where they are. */
function prose(text: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, ' ')
  return text.replace(fences, blank).replace(/`[^`\n]+`/g, blank)
}

function checkTitle(file: RepositoryFile): readonly Violation[] {
  const titles = prose(file.text).match(/^# .+$/gm)?.length ?? 0
  return titles === 1
    ? []
    : [{ path: file.path, problem: `has ${titles} first-level titles; a document has one` }]
}

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  const plain = heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .toLowerCase()
  return plain
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}

function anchorsIn(text: string): ReadonlySet<string> {
  const headings = text.replace(fences, '').match(/^#{1,6} .+$/gm) ?? []
  return new Set(headings.map((heading) => anchorOf(heading.replace(/^#+ /, ''))))
}

function checkLinks(file: RepositoryFile, root: string): readonly Violation[] {
  const text = prose(file.text)
  return violationsOf({ ...file, text }, /\]\(([^)\s]+)(?:\s"[^"]*")?\)|(?:src|href)="([^"]+)"/g, (match) => {
    const address = match[1] ?? match[2] ?? ''
    if (/^[a-z]+:/i.test(address)) return undefined
    const [name = '', anchor] = address.split('#')
    const target = name === '' ? path.join(root, file.path) : path.join(root, path.dirname(file.path), name)
    if (!existsSync(target)) return `links to ${address}, which does not exist`
    if (!anchor || !target.endsWith('.md')) return undefined
    return anchorsIn(readFileSync(target, 'utf8')).has(anchor)
      ? undefined
      : `links to ${address}: no such heading`
  })
}

test('a second title is found, a # in a code block is not', () => {
  assert.equal(checkTitle({ path: 'a.md', text: '# One\n\n# Two\n' }).length, 1)
  assert.equal(checkTitle({ path: 'a.md', text: '# One\n\n```sh\n# comment\n```\n' }).length, 0)
})

test('a link to a missing file or heading is found', () => {
  const text =
    '# T\n[a](STYLE.md)\n[b](missing.md)\n[c](#t)\n[d](#nowhere)\n[e](https://example.com/x)\n`[f](no.md)`\n'
  assert.deepEqual(
    checkLinks({ path: 'README.md', text }, repositoryRoot).map(({ line }) => line),
    [3, 4, 5],
  )
})

test('every document has one title', () => {
  assertTidy(repositoryFiles(/\.md$/).flatMap(checkTitle))
})

test('every relative link in a document leads somewhere', () => {
  assertTidy(repositoryFiles(/\.md$/).flatMap((file) => checkLinks(file, repositoryRoot)))
})
