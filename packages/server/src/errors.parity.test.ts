import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorCodes } from './errors.ts'

const document = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
const sections = new Map(
  document
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [heading = '', ...lines] = section.split('\n')
      return [heading.trim(), lines.join('\n')] as const
    }),
)

test('every error code has a heading in docs/errors.md, and every heading is an error code', () => {
  assert.deepEqual([...sections.keys()].sort(), Object.keys(errorCodes).sort())
})

test('every error code is written CURFEW_<CONCEPT>_<WHAT>', () => {
  for (const code of Object.keys(errorCodes)) assert.match(code, /^CURFEW(_[A-Z]+){2,}$/)
})

test('each documented error says what happened, who acts and how to make it stop', () => {
  const parts = ['**What happened.**', '**Who acts.**', '**How to make it stop.**']
  const incomplete = [...sections].filter(([, text]) => !parts.every((part) => text.includes(part)))
  assert.deepEqual(
    incomplete.map(([heading]) => heading),
    [],
  )
})
