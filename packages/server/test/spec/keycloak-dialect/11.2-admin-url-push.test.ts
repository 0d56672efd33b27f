import assert from 'node:assert/strict'
import { before, describe, type TestContext, test } from 'node:test'
import { compactVerify, decodeProtectedHeader } from 'jose'
import { systemRandom } from '../../../src/ambient/random.ts'
import type { RealmKey } from '../../../src/key/key.ts'
import type { Client } from '../../../src/rp/client.ts'
import { createKeycloakAdminUrlSender } from '../../../src/sender/keycloak-admin-url/keycloak-admin-url.ts'
import type { Sender } from '../../../src/sender/sender.ts'
import { neverAborted, outboundFor } from '../../support/outbound.ts'
import { someClient, someRealm } from '../../support/realm-in-memory.ts'
import { type Receiver, receiverFor, someRealmKey, someSubject } from '../../support/signing-realm.ts'

const at = Date.UTC(2026, 10, 22, 10, 0, 0, 750)
let keys: readonly RealmKey[]

function senderFor(t: TestContext, client: Partial<Client>, adapterSessions: readonly string[]): Sender {
  const realm = someRealm({
    keys,
    clients: [someClient({ clientId: 'crm', ...client })],
    settings: { defaultSignatureAlgorithm: 'ES256' },
  })
  return createKeycloakAdminUrlSender({
    realms: { byId: async () => realm },
    outbound: outboundFor(t),
    random: systemRandom,
    clock: { now: () => at },
    adapterSessionsOf: async () => adapterSessions,
  })
}

const subject = someSubject({ channel: 'keycloak-admin-url', endpointId: 'realm-1/keycloak-admin-url/crm' })

async function push(t: TestContext, receiver: Receiver, adminUrl: string) {
  const prepared = await senderFor(t, { adminUrl }, ['adapter-session', 'of another node']).prepare(
    subject,
    at,
  )
  assert.ok(!('refused' in prepared))
  await prepared.send(neverAborted)
  const post = receiver.received.at(-1)
  const { payload } = await compactVerify(post?.body ?? '', (keys[0] as RealmKey).publicKey)
  return {
    post,
    evidence: prepared.evidence,
    action: JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>,
  }
}

describe('Keycloak dialect §11.2 Admin URL push', () => {
  before(async () => {
    keys = [await someRealmKey('RS256', 'rs'), await someRealmKey('ES256', 'es')]
  })

  test('KA-01, KA-12: k_logout names the sessions of the adapter and no others, as a signed text body', async (t) => {
    const receiver = await receiverFor(t)
    const { post, action, evidence } = await push(t, receiver, `${receiver.url}/app/`)
    assert.equal(post?.path, '/app/k_logout')
    assert.equal(post?.contentType, 'text/plain')
    assert.deepEqual(action, {
      id: evidence.jti,
      expiration: Math.floor(at / 1000) + 30,
      resource: 'crm',
      action: 'LOGOUT',
      adapterSessionIds: ['adapter-session', 'of another node'],
      notBefore: 0,
      keycloakSessionIds: ['sid-at-crm'],
    })
  })

  test('KA-10: the signature is RS256 with the kid of the key set, whatever the default of the realm is', async (t) => {
    const receiver = await receiverFor(t)
    const { post } = await push(t, receiver, receiver.url)
    assert.deepEqual(decodeProtectedHeader(post?.body ?? ''), { alg: 'RS256', typ: 'JWT', kid: 'rs' })
  })

  test('KA-11: the id is fresh for every try', async (t) => {
    const receiver = await receiverFor(t)
    const first = await push(t, receiver, receiver.url)
    const second = await push(t, receiver, receiver.url)
    assert.notEqual(first.action['id'], second.action['id'])
  })

  test('KA-12: without a session id of the adapter nothing is sent', async (t) => {
    const prepared = await senderFor(t, { adminUrl: 'https://crm.test/' }, []).prepare(subject, at)
    assert.ok('refused' in prepared && prepared.kind === 'no_channel')
  })

  test('KA-17: an application that has a back-channel address by now is not told at its admin URL', async (t) => {
    const client = {
      adminUrl: 'https://crm.test/',
      attributes: { 'backchannel.logout.url': 'https://crm.test/bc' },
    }
    const prepared = await senderFor(t, client, ['adapter-session']).prepare(subject, at)
    assert.ok('refused' in prepared && prepared.kind === 'no_channel')
  })
})
