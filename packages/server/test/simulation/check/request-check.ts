/** What must hold of every request: when it leaves (I3, I6, I15) and when it arrives (I3, I8, I13). */
import type { LogoutTokenClaimsWire } from '../../../src/sender/oidc-back-channel/build-logout-token.ts'
import { simulatedSignature } from '../keys.ts'
import type { AskedPost, SentRequest } from '../network.ts'
import type { SimulatedProcess } from '../process.ts'
import { configurationAt } from '../realm-history.ts'
import { ensure } from '../violation.ts'
import { committedRows, type World } from '../world.ts'

export interface ReadToken {
  readonly header: { readonly alg: string; readonly typ: string; readonly kid: string }
  readonly claims: LogoutTokenClaimsWire
  readonly isSignatureGood: boolean
}

export function readToken(body: string): ReadToken {
  const token = body.slice('logout_token='.length)
  const [header = '', claims = '', signature = ''] = token.split('.')
  return {
    header: JSON.parse(Buffer.from(header, 'base64url').toString()),
    claims: JSON.parse(Buffer.from(claims, 'base64url').toString()),
    isSignatureGood: signature === simulatedSignature(`${header}.${claims}`),
  }
}

export function checkLeaving(
  world: World,
  process: SimulatedProcess,
  request: AskedPost,
  { claims }: ReadToken,
): SentRequest {
  const { network, scheduler } = world
  const deliveryId = claims.txn
  const row = committedRows(world, 'delivery').get(deliveryId)
  ensure(row !== undefined, 'I15', () => `a request left for ${deliveryId}, which is not committed`)
  const earlier = network.requestsOf.get(deliveryId) ?? []
  ensure(earlier.length < Number(row['fence']), 'I15', () => {
    return `request ${earlier.length + 1} of ${deliveryId} left with ${row['fence']} attempts on record`
  })
  const attempt = committedRows(world, 'attempt').get(`${deliveryId}/${row['fence']}`)
  ensure(attempt !== undefined, 'I15', () => `a request of ${deliveryId} left without its attempt row`)
  const isDisturbed = process.wasFrozen
  ensure(isDisturbed || row['lease_owner'] === process.name, 'I6', () => {
    return `${process.name} sends ${deliveryId}, which is ${row['state']} and leased by ${row['lease_owner']}`
  })
  for (const before of earlier) checkRepeat(world, before, isDisturbed)
  return {
    number: network.requests.length,
    process,
    deliveryId,
    clientId: clientOfUrl(world, request.url),
    url: request.url,
    askedAt: request.askedAt,
    leftAt: scheduler.now,
    leaseUntil: Number(row['lease_until'] ?? 0),
    outcome: undefined,
    hasArrived: false,
  }
}

/** A second request needs a reason: a lost or a negative answer, a death, a lease that ran out (I6). */
function checkRepeat(world: World, before: SentRequest, isDisturbed: boolean): void {
  if (isDisturbed || !before.process.isAlive || before.process.wasFrozen) return
  const { outcome } = before
  const isAccepted = outcome?.kind === 'answered' && outcome.status >= 200 && outcome.status < 300
  const isOpen = outcome === undefined || isAccepted
  ensure(!isOpen || world.scheduler.now >= before.leaseUntil, 'I6', () => {
    return `${before.deliveryId} is sent again although the request before ${isAccepted ? 'was accepted' : 'is still open'}`
  })
}

function clientOfUrl(world: World, url: string): string {
  for (const configuration of world.realm.configurations.values()) {
    for (const client of configuration.clients.values()) if (client.url === url) return client.clientId
  }
  return `nobody at ${url}`
}

/** How long a process may act on what was committed before. */
const knownLateMs = 2000

export function checkArrival(world: World, sent: SentRequest, token: ReadToken): void {
  const { header, claims, isSignatureGood } = token
  const member = world.members.get(claims.sid)
  ensure(member !== undefined, 'I13', () => `${claims.txn} names no session at ${sent.clientId}`)
  ensure(member.clientId === sent.clientId && claims.aud === sent.clientId, 'I3', () => {
    return `${claims.txn} for ${claims.aud} with the sid of ${member.clientId} arrived at ${sent.clientId}`
  })
  ensure(claims.sub === member.sub, 'I3', () => `${claims.txn} names ${claims.sub} instead of ${member.sub}`)
  checkHasEnded(world, claims.sid, member.sessionUid, member.clientId)
  ensure(isSignatureGood && header.typ === 'logout+jwt' && !('nonce' in claims), 'I8', () => {
    return `the token of ${claims.txn} is not a logout token`
  })
  ensure(!world.network.usedTokenIds.has(claims.jti), 'I8', () => `${claims.txn} used its jti before`)
  world.network.usedTokenIds.add(claims.jti)
  checkTimes(sent, claims)
  checkKey(world, sent, token)
}

/** Nobody is told of an end that has not happened (R7), or of another session's (I13). */
function checkHasEnded(world: World, sid: string, sessionUid: string, clientId: string): void {
  const session = committedRows(world, 'session').get(sessionUid)
  const row = committedRows(world, 'client_session').get(`${sessionUid}/${clientId}`)
  const isEnded = session?.['state'] === 'ended' || row?.['sid'] !== sid || row?.['ended_at'] !== null
  ensure(isEnded, 'I13', () => `${clientId} is told to end ${sid} while session ${sessionUid} is alive`)
}

function checkTimes({ process, leftAt }: SentRequest, claims: LogoutTokenClaimsWire): void {
  ensure(claims.exp - claims.iat <= 120, 'I8', () => `a token of ${claims.txn} lives too long`)
  if (process.wasFrozen) return
  const ageMs = leftAt - claims.iat * 1000
  ensure(
    ageMs >= -1000 && ageMs <= 2000,
    'I8',
    () => `a token of ${claims.txn} left ${ageMs} ms after its iat`,
  )
}

function checkKey(world: World, sent: SentRequest, { header, claims }: ReadToken): void {
  const { realm } = world
  const recent = [...realm.committedAt]
    .filter(
      ([version]) => version === realm.version || supersededAt(world, version) >= sent.askedAt - knownLateMs,
    )
    .map(([version]) => configurationAt(realm, version))
  const isDisturbed = sent.process.wasFrozen
  const clients = (isDisturbed ? [...realm.configurations.values()] : recent).map((one) =>
    one.clients.get(sent.clientId),
  )
  ensure(
    clients.some((client) => client?.algorithm === header.alg),
    'I8',
    () => {
      return `${claims.txn} is signed with ${header.alg}, which ${sent.clientId} did not register`
    },
  )
  ensure(
    clients.some((client) => client?.url === sent.url || client?.isDeleted),
    'I8',
    () => {
      return `${claims.txn} went to ${sent.url}, which ${sent.clientId} gave up`
    },
  )
  const current = configurationAt(realm, realm.version)
  ensure(
    current.keys.some((key) => key.kid === header.kid && key.status !== 'retired'),
    'I8',
    () => {
      return `${claims.txn} is signed by ${header.kid}, which is not published`
    },
  )
  if (isDisturbed) return
  const publishedAt = firstPublishedAt(world, header.kid)
  const isFirstKey = publishedAt <= world.startedAt
  ensure(isFirstKey || sent.leftAt - publishedAt >= 600_000 - 2 * 1000, 'I8', () => {
    return `${claims.txn} is signed by ${header.kid}, published ${sent.leftAt - publishedAt} ms before`
  })
}

function supersededAt(world: World, version: number): number {
  return world.realm.committedAt.get(version + 1) ?? Number.POSITIVE_INFINITY
}

function firstPublishedAt(world: World, kid: string): number {
  for (const [version, at] of world.realm.committedAt) {
    if (configurationAt(world.realm, version).keys.some((key) => key.kid === kid)) return at
  }
  return Number.POSITIVE_INFINITY
}
