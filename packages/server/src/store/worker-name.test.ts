import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemRandom } from '../ambient/random.ts'
import { takeWorkerName } from './worker-name.ts'

function folder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'curfew-worker-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

test('who starts again on a folder has the name of the one before; who shares it has another', () => {
  using data = folder()
  const take = () => takeWorkerName(data.path, 'host', systemRandom)
  const first = take()
  const second = take()
  assert.notEqual(first.name, second.name)
  assert.ok(first.isHeld && second.isHeld)
  first[Symbol.dispose]()
  using third = take()
  assert.equal(third.name, first.name)
  second[Symbol.dispose]()
})

test('a folder that was copied to another machine gives another name there', () => {
  using data = folder()
  using copy = folder()
  using first = takeWorkerName(data.path, 'one', systemRandom)
  cpSync(data.path, copy.path, { recursive: true })
  using second = takeWorkerName(copy.path, 'two', systemRandom)
  assert.notEqual(first.name, second.name)
})

test('the seventeenth process on a folder, and one without a folder, have names that prove nothing', () => {
  using data = folder()
  const take = () => takeWorkerName(data.path, 'host', systemRandom)
  const held = Array.from({ length: 16 }, take)
  assert.ok(held.every(({ isHeld }) => isHeld))
  assert.equal(take().isHeld, false)
  for (const one of held) one[Symbol.dispose]()
  const nowhere = () => takeWorkerName(join(data.path, 'missing'), 'host', systemRandom)
  assert.equal(nowhere().isHeld, false)
  assert.notEqual(nowhere().name, nowhere().name)
})
