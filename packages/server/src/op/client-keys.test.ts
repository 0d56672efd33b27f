import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { someClient } from '../../test/support/realm-in-memory.ts'
import { createClientKeys, type FetchOwner } from './client-keys.ts'

const url = 'https://wiki.example/jwks'
const wiki = someClient({ clientId: 'wiki', attributes: { 'use.jwks.url': 'true', 'jwks.url': url } })
const chat = someClient({ clientId: 'chat', attributes: wiki.attributes })

function countingKeys(answer: () => Promise<unknown>) {
  const asked: string[] = []
  const keys = createClientKeys((address: string, owner?: FetchOwner) => {
    asked.push(`${owner?.clientId} ${address}`)
    return answer()
  })
  return { asked, keys }
}

describe('the keys of an application at its address', () => {
  test('are asked for once, however many assertions come at the same moment, good address or bad (THR-06)', async () => {
    for (const answer of [async () => ({ keys: [] }), () => Promise.reject(new Error('away'))]) {
      const { asked, keys } = countingKeys(answer)
      await Promise.all(Array.from({ length: 50 }, () => keys.keysOf(wiki, false, 0)))
      await Promise.all(Array.from({ length: 50 }, () => keys.keysOf(wiki, true, 9_999)))
      assert.equal(asked.length, 1)
      await Promise.all(Array.from({ length: 50 }, () => keys.keysOf(wiki, true, 10_000)))
      assert.equal(asked.length, 2)
    }
  })

  test('are each application’s own: what one may call does not answer for another with the same address', async () => {
    const { asked, keys } = countingKeys(async () => ({ keys: [] }))
    assert.ok(await keys.keysOf(wiki, false, 0))
    assert.ok(await keys.keysOf(chat, false, 0))
    assert.ok(await keys.keysOf(someClient({ ...wiki, realmId: 'another' }), false, 0))
    assert.deepEqual(asked, [`wiki ${url}`, `chat ${url}`, `wiki ${url}`])
  })

  test('that cannot be read now are the ones that were known before', async () => {
    let isAway = false
    const { keys } = countingKeys(async () => {
      if (isAway) throw new Error('away')
      return { keys: [] }
    })
    const first = await keys.keysOf(wiki, false, 0)
    isAway = true
    assert.ok(first)
    assert.equal(await keys.keysOf(wiki, true, 60_000), first)
  })
})
