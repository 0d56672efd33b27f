import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import { systemClock } from '../../../src/ambient/clock.ts'
import { systemRandom } from '../../../src/ambient/random.ts'
import type { RealmKey } from '../../../src/key/key.ts'
import type { Client } from '../../../src/rp/client.ts'
import { createOidcBackchannelSender } from '../../../src/sender/oidc-back-channel/oidc-back-channel.ts'
import type { OutboundHttp } from '../../../src/sender/outbound-http.ts'
import type { Sender } from '../../../src/sender/sender.ts'
import { neverAborted, outboundFor } from '../../support/outbound.ts'
import { someClient, someRealm } from '../../support/realm-in-memory.ts'
import { receiverFor, someRealmKey, someSubject } from '../../support/signing-realm.ts'

let key: RealmKey

function senderFor(outbound: OutboundHttp, clients: () => readonly Client[]): Sender {
  const byId = async () => someRealm({ keys: [key], clients: clients() })
  return createOidcBackchannelSender({ realms: { byId }, outbound, random: systemRandom, clock: systemClock })
}

describe('Back-Channel Logout 1.0 §2.5 Logout Request', () => {
  before(async () => {
    key = await someRealmKey('ES256', 'es', {})
  })

  test('BCL-30, KT-13: a POST with logout_token alone, as a plain form; the query of the address is kept', async (t) => {
    const receiver = await receiverFor(t)
    const client = someClient({
      clientId: 'crm',
      attributes: { 'backchannel.logout.url': `${receiver.url}/bc?tenant=7` },
    })
    const prepared = await senderFor(outboundFor(t), () => [client]).prepare(someSubject(), 1_800_000_000_000)
    assert.ok(!('refused' in prepared))
    const outcome = await prepared.send(neverAborted)
    assert.ok(outcome.kind === 'answered' && outcome.status === 200)
    const [post] = receiver.received
    assert.equal(post?.path, '/bc?tenant=7')
    assert.equal(post?.contentType, 'application/x-www-form-urlencoded')
    assert.deepEqual([...new URLSearchParams(post?.body).keys()], ['logout_token'])
  })

  test('BCL-32, D6: a second try carries a new iat, exp and jti', async (t) => {
    const receiver = await receiverFor(t, 503)
    const client = someClient({ clientId: 'crm', attributes: { 'backchannel.logout.url': receiver.url } })
    const sender = senderFor(outboundFor(t), () => [client])
    for (const at of [1_800_000_000_000, 1_800_000_600_000]) {
      const prepared = await sender.prepare(someSubject(), at)
      assert.ok(!('refused' in prepared))
      await prepared.send(neverAborted)
    }
    const [first, second] = receiver.received.map((post) =>
      decodeJwt(new URLSearchParams(post.body).get('logout_token') ?? ''),
    )
    assert.equal((second?.iat ?? 0) - (first?.iat ?? 0), 600)
    assert.equal((second?.exp ?? 0) - (second?.iat ?? 0), 120)
    assert.notEqual(first?.jti, second?.jti)
  })

  test('D13, R17: the address is read at each try; a deleted client is told at the address that it had', async (t) => {
    const [former, after, tombstone] = [await receiverFor(t), await receiverFor(t), await receiverFor(t)]
    let clients: readonly Client[] = []
    const sender = senderFor(outboundFor(t), () => clients)
    const tell = async (url: string, of: Partial<Client> = {}): Promise<string> => {
      clients = [someClient({ clientId: 'crm', attributes: { 'backchannel.logout.url': url }, ...of })]
      const prepared = await sender.prepare(someSubject({ address: tombstone.url }), 1_800_000_000_000)
      assert.ok(!('refused' in prepared))
      await prepared.send(neverAborted)
      return prepared.address
    }
    assert.equal(await tell(former.url), former.url)
    assert.equal(await tell(after.url), after.url)
    assert.equal(await tell(former.url, { enabled: false }), former.url)
    assert.equal(await tell(former.url, { isDeleted: true }), tombstone.url)
    assert.deepEqual(
      [former, after, tombstone].map((one) => one.received.length),
      [2, 1, 1],
    )
  })

  test('an application without an address any more is refused before anything is signed', async (t) => {
    const sender = senderFor(outboundFor(t), () => [someClient({ clientId: 'crm' })])
    const prepared = await sender.prepare(someSubject(), 1_800_000_000_000)
    assert.deepEqual(prepared, {
      refused: true,
      kind: 'no_channel',
      reason: 'config.no_channel',
      address: 'https://crm.test/as-it-was',
    })
  })

  test('BCL-04: an address that our policy forbids is refused with its reason, and nothing is signed', async (t) => {
    const outbound = outboundFor(t, { isDev: false })
    for (const [url, reason] of [
      ['http://crm.test/bc', 'config.plain_http'],
      ['https://10.0.0.7/bc', 'policy.private_address'],
      ['https://crm.test:9200/bc', 'policy.port'],
    ] as const) {
      const client = someClient({ clientId: 'crm', attributes: { 'backchannel.logout.url': url } })
      const prepared = await senderFor(outbound, () => [client]).prepare(someSubject(), 1_800_000_000_000)
      assert.deepEqual(prepared, { refused: true, kind: 'blocked', reason, address: url })
    }
  })
})
