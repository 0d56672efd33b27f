import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFreshToken } from './fresh-token.ts'

/** Signs for `signMs` and leaves `waitMs` later; returns what was signed, and what left. */
async function leftAfter(waitMs: number, signMs: number) {
  let now = 1_000_000
  const clock = { now: () => now }
  const signedAt: number[] = []
  const sign = async (at: number) => {
    signedAt.push(at)
    now += signMs
    const jti = `jti-${signedAt.length}`
    return { token: `token of ${at}`, evidence: { jti, kid: 'kid', tokenHash: 'hash' } }
  }
  const fresh = await createFreshToken(clock, sign, (token) => `logout_token=${token}`, now)
  now += waitMs
  const body = await fresh.read()
  return { signedAt, body, jti: fresh.evidence.jti, byteCount: fresh.byteCount }
}

test('I8: a token that leaves at once is the one that was signed', async () => {
  assert.deepEqual(await leftAfter(400, 50), {
    signedAt: [1_000_000],
    body: 'logout_token=token of 1000000',
    jti: 'jti-1',
    byteCount: 29,
  })
})

for (const [what, waitMs, signMs, at] of [
  ['the connection', 1500, 5, 1_001_505],
  ['its signature', 0, 1200, 1_001_200],
] as const) {
  test(`I8: a token that had to wait for ${what} is signed again, and that one is the evidence`, async () => {
    const { signedAt, body, jti } = await leftAfter(waitMs, signMs)
    assert.deepEqual(signedAt, [1_000_000, at])
    assert.equal(body, `logout_token=token of ${at}`)
    assert.equal(jti, 'jti-2')
  })
}

test('a token of another length is not sent: its length has been announced', async () => {
  let now = 0
  const evidence = { jti: 'jti', kid: 'kid', tokenHash: 'hash' }
  const sign = async (at: number) => ({ token: 'x'.repeat(at + 1), evidence })
  const fresh = await createFreshToken({ now: () => now }, sign, (token) => token, now)
  now = 5000
  await assert.rejects(fresh.read(), /as long as the one before/)
})
