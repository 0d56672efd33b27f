/**
 * The words of the code are in the glossary, each with what it means and where that is defined.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { repositoryRoot } from './repository.ts'

const words = [
  'op',
  'rp',
  'client',
  'account',
  'sub',
  'session',
  'clientSession',
  'sid',
  'artifact',
  'unitOfWork',
  'signOut',
  'logoutToken',
  'delivery',
  'attempt',
  'sender',
  'endpoint',
  'realm',
  'door closed',
  'everyone told',
  'verdict',
] as const
const deliveryStates = [
  'pending',
  'leased',
  'accepted',
  'rejected',
  'unconfirmed',
  'unreachable',
  'blocked',
  'cancelled',
] as const

/** Rows of every table in a document: the words in backquotes or bold of the first cell, and the other cells. */
function rowsOf(markdown: string): ReadonlyMap<string, readonly string[]> {
  const rows = markdown.split('\n').filter((line) => line.startsWith('|') && !/^\|[\s|:-]+$/.test(line))
  return new Map(
    rows.flatMap((row) => {
      const [first = '', ...rest] = row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
      return [...first.matchAll(/`([^`]+)`|\*\*([^*]+)\*\*/g)].map(
        (match) => [match[1] ?? match[2] ?? '', rest] as const,
      )
    }),
  )
}

test('words and their cells are read from a table', () => {
  const rows = rowsOf('| word | means |\n|---|---|\n| `sid`, `sub` | a claim |\n')
  assert.deepEqual(
    [...rows],
    [
      ['sid', ['a claim']],
      ['sub', ['a claim']],
    ],
  )
})

test('every word of the code and every delivery state has a row in docs/glossary.md that explains it', () => {
  const rows = rowsOf(readFileSync(path.join(repositoryRoot, 'docs/glossary.md'), 'utf8'))
  const missing = [...words, ...deliveryStates].filter(
    (word) => !rows.get(word)?.every((cell) => cell !== ''),
  )
  assert.deepEqual(missing, [])
})
