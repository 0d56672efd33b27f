import assert from 'node:assert/strict'
import { createHash, hash } from 'node:crypto'
import { before, describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  decodeJwt,
  decodeProtectedHeader,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
} from 'jose'
import { createSeenTokens, verifyLogoutToken } from '../../../../../examples/application/logout-token.ts'
import { systemClock } from '../../../src/ambient/clock.ts'
import { systemRandom } from '../../../src/ambient/random.ts'
import type { RealmKey } from '../../../src/key/key.ts'
import type { Realm } from '../../../src/realm/realm.ts'
import { createOidcBackchannelSender } from '../../../src/sender/oidc-back-channel/oidc-back-channel.ts'
import type { DeliverySubject, Evidence } from '../../../src/sender/sender.ts'
import { neverAborted, outboundFor } from '../../support/outbound.ts'
import { type RealmParts, someClient, someRealm } from '../../support/realm-in-memory.ts'
import { receiverFor, someRealmKey, someSubject } from '../../support/signing-realm.ts'

const at = Date.UTC(2026, 10, 22, 10, 0, 0, 750)
const iat = Math.floor(at / 1000)
let keys: Readonly<Record<'rs256' | 'es256' | 'eddsa' | 'ps256' | 'future', RealmKey>>

interface Sent {
  readonly token: string
  readonly header: ProtectedHeaderParameters
  readonly claims: JWTPayload
  readonly evidence: Evidence
}

/** Signs one client out at a real receiver and gives what arrived there. */
async function send(
  t: TestContext,
  attributes: Readonly<Record<string, string>> = {},
  parts: RealmParts = {},
  subject: Partial<DeliverySubject> = {},
  sentAt: number = at,
): Promise<Sent> {
  const receiver = await receiverFor(t)
  const client = someClient({
    clientId: 'crm',
    attributes: { 'backchannel.logout.url': receiver.url, ...attributes },
  })
  const realm = someRealm({ keys: Object.values(keys), clients: [client], ...parts })
  const sender = createOidcBackchannelSender({
    realms: realmsOf(realm),
    outbound: outboundFor(t),
    random: systemRandom,
    clock: { now: () => sentAt },
  })
  const prepared = await sender.prepare(someSubject(subject), sentAt)
  assert.ok(!('refused' in prepared))
  assert.equal((await prepared.send(neverAborted)).kind, 'answered')
  const token = new URLSearchParams(receiver.received[0]?.body).get('logout_token') ?? ''
  return {
    token,
    header: decodeProtectedHeader(token),
    claims: decodeJwt(token),
    evidence: prepared.evidence,
  }
}

function realmsOf(realm: Realm): { byId(id: string): Promise<Realm | undefined> } {
  return { byId: async (id) => (id === realm.id ? realm : undefined) }
}

describe('Back-Channel Logout 1.0 §2.4 Logout Token', () => {
  test('I8: iat is the time of sending, however long the connection took, and the evidence is of what left', async (t) => {
    const receiver = await receiverFor(t)
    const client = someClient({ clientId: 'crm', attributes: { 'backchannel.logout.url': receiver.url } })
    const resolve = async (): Promise<readonly string[]> => {
      await delay(2500)
      return ['127.0.0.1']
    }
    const sender = createOidcBackchannelSender({
      realms: realmsOf(someRealm({ keys: Object.values(keys), clients: [client] })),
      outbound: outboundFor(t, {}, { resolve }),
      random: systemRandom,
      clock: systemClock,
    })
    const prepared = await sender.prepare(someSubject(), Date.now())
    assert.ok(!('refused' in prepared))
    const { jti: preparedId } = prepared.evidence
    assert.equal((await prepared.send(neverAborted)).kind, 'answered')
    const token = new URLSearchParams(receiver.received[0]?.body).get('logout_token') ?? ''
    const { iat = 0, exp = 0, jti } = decodeJwt(token)
    assert.ok(Date.now() - iat * 1000 < 2000, `${Date.now() - iat * 1000} ms`)
    assert.equal(exp - iat, 120)
    assert.notEqual(jti, preparedId)
    const { evidence } = prepared
    assert.deepEqual([evidence.jti, evidence.tokenHash], [jti, hash('sha256', token, 'base64url')])
  })

  before(async () => {
    keys = {
      rs256: await someRealmKey('RS256', 'rs'),
      es256: await someRealmKey('ES256', 'es'),
      eddsa: await someRealmKey('EdDSA', 'ed'),
      ps256: await someRealmKey('PS256', 'ps'),
      future: await someRealmKey('RS256', 'future', { priority: 900, usableAt: at + 1 }),
    }
  })

  test('BCL-10, BCL-11, BCL-18, KT-05, KT-06, KT-07, KT-09, KT-10, SR-04, I3, I8: the claims are exactly these', async (t) => {
    const { claims } = await send(t)
    assert.deepEqual(claims, {
      iss: 'https://id.example/realms/demo',
      aud: 'crm',
      iat,
      exp: iat + 120,
      jti: claims.jti,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      sub: 'sub-at-crm',
      sid: 'sid-at-crm',
      txn: 'dl_1',
    })
    assert.match(claims.jti ?? '', /^[\w-]{22}$/)
  })

  test('BCL-12, BCL-13, KT-08, SR-01: iat is the floor of the second and never ahead; the token lives 120 s', async (t) => {
    const { claims } = await send(t)
    assert.ok((claims.iat ?? Number.POSITIVE_INFINITY) * 1000 <= at)
    assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 120)
  })

  test('BCL-14, KT-07, D6, D19: every try has a jti of its own and the same txn, and a hash of its token is kept', async (t) => {
    const first = await send(t)
    const second = await send(t)
    assert.notEqual(first.claims.jti, second.claims.jti)
    assert.equal(first.claims['txn'], second.claims['txn'])
    assert.deepEqual(first.evidence, {
      jti: first.claims.jti,
      kid: 'rs',
      tokenHash: createHash('sha256').update(first.token).digest('base64url'),
    })
  })

  test('BCL-15, KT-11: events has one member with an empty object; the sibling only where offline grants end too', async (t) => {
    const event = 'http://schemas.openid.net/event/backchannel-logout'
    assert.deepEqual((await send(t)).claims['events'], { [event]: {} })
    const also = await send(t, { 'backchannel.logout.revoke.offline.tokens': 'true' })
    assert.deepEqual(also.claims['events'], { [event]: {}, revoke_offline_access: true })
    const without = await send(t, { 'backchannel.logout.revoke.offline.tokens': 'false' })
    assert.deepEqual(without.claims['events'], { [event]: {} })
  })

  test('BCL-05, BCL-16, SR-05: sid is always there; a switch leaves sub out', async (t) => {
    for (const required of ['true', 'false']) {
      assert.equal(
        (await send(t, { 'backchannel.logout.session.required': required })).claims['sid'],
        'sid-at-crm',
      )
    }
    const { claims } = await send(t, { 'curfew.logout.token.sub': 'false' })
    assert.equal('sub' in claims, false)
    assert.equal(claims['sid'], 'sid-at-crm')
  })

  test('BCL-17, KT-12: there is never a nonce', async (t) => {
    assert.equal('nonce' in (await send(t)).claims, false)
  })

  test('BCL-21, KT-01, SR-03: typ is logout+jwt, or JWT for a receiver that insists', async (t) => {
    assert.equal((await send(t)).header['typ'], 'logout+jwt')
    assert.equal((await send(t, { 'curfew.logout.token.typ': 'JWT' })).header['typ'], 'JWT')
    assert.equal((await send(t, { 'curfew.logout.token.typ': 'something' })).header['typ'], 'logout+jwt')
  })

  test('BCL-19, KT-02, R16: each client has its own algorithm, else the default of the realm, else RS256', async (t) => {
    const wanted: readonly (readonly [string | undefined, RealmParts, keyof typeof keys])[] = [
      ['ES256', {}, 'es256'],
      ['EdDSA', {}, 'eddsa'],
      ['PS256', {}, 'ps256'],
      ['RS256', {}, 'rs256'],
      [undefined, { settings: { defaultSignatureAlgorithm: 'ES256' } }, 'es256'],
      ['RS256', { settings: { defaultSignatureAlgorithm: 'ES256' } }, 'rs256'],
      ['none', {}, 'rs256'],
      ['HS256', {}, 'rs256'],
    ]
    for (const [algorithm, parts, name] of wanted) {
      const { header, token } = await send(
        t,
        algorithm ? { 'id.token.signed.response.alg': algorithm } : {},
        parts,
      )
      assert.deepEqual(header, { alg: keys[name].algorithm, typ: 'logout+jwt', kid: keys[name].kid })
      const options = { issuer: 'https://id.example/realms/demo', audience: 'crm', currentDate: new Date(at) }
      await jwtVerify(token, keys[name].publicKey, options)
    }
  })

  test('S-10, R18: a receiver whose clock is up to 60 s off accepts the token, by what our examples check and by what a library checks that allows nothing', async (t) => {
    const accepts = async (clockOffMs: number): Promise<readonly boolean[]> => {
      // the receiver reads this machine's clock, so it is the sender's that is off, the other way
      const sentAt = Date.now() - clockOffMs
      const { token } = await send(t, {}, { keys: [keys.rs256] }, {}, sentAt)
      const issuer = 'https://id.example/realms/demo'
      const ofKit = { issuer, clientId: 'crm', keys: async () => keys.rs256.publicKey }
      const kit = await verifyLogoutToken({ ...ofKit, seenTokens: createSeenTokens() }, token)
      const strict = jwtVerify(token, keys.rs256.publicKey, {
        issuer,
        audience: 'crm',
        typ: 'logout+jwt',
        requiredClaims: ['iat', 'exp', 'jti'],
      })
      return [
        kit.ok,
        await strict.then(
          () => true,
          () => false,
        ),
      ]
    }
    assert.deepEqual(await accepts(60_000), [true, true])
    assert.deepEqual(await accepts(-60_000), [true, true])
    // and the tests would show one that does not
    assert.deepEqual(await accepts(200_000), [false, false])
    assert.deepEqual(await accepts(-75_000), [false, true])
  })

  test('a realm without an RS256 key signs with the key that it has', async (t) => {
    assert.equal((await send(t, {}, { keys: [keys.eddsa] })).header['alg'], 'EdDSA')
  })

  test('I8: a key that is published but not yet usable does not sign', async (t) => {
    assert.equal((await send(t)).header['kid'], 'rs')
  })

  test('KT-04, SR-02: iss and sub are what this application saw at sign-in', async (t) => {
    const seen = { issuer: 'https://old.example/auth/realms/demo', sub: 'pairwise-7' }
    const { claims } = await send(t, {}, {}, seen)
    assert.equal(claims.iss, seen.issuer)
    assert.equal(claims.sub, seen.sub)
  })
})
