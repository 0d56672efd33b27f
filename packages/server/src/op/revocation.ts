/**
 * Token revocation. A refresh token takes with it all tokens of its application in that session; the session
 * and the other applications stay, unless it was the last one: then the session is signed out like any other
 * and everybody is told (KV-01 to KV-10).
 *
 * @see RFC 7009 §2
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../ambient/clock.ts'
import type { NewEvent } from '../event/event.ts'
import { recordEvent, recordEventAlone } from '../event/record-event.ts'
import type { ServerSecret } from '../key/seal.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { lockSession } from '../session/lock-session.ts'
import { signOut } from '../sign-out/sign-out.ts'
import type { Tx } from '../store/store.ts'
import { answerPreflight } from './cors.ts'
import { protocolPath, readForm, realmOf, sendDuplicate, sendError } from './endpoint.ts'
import { findRefreshToken, type StoredRefreshToken } from './find-refresh-token.ts'
import { type ClientEndpointDeps, requireClient } from './require-client.ts'
import { isLastApplication, revokeApplicationTokens, revokeGrantTokens } from './revoke-tokens.ts'
import { insertRevokedToken, revokedTokenHash } from './revoked-token.ts'
import { explainInvalidToken, type TokenFault } from './token-fault.ts'
import { type AccessTokenClaims, claimedKind, verifyAccessToken, verifyRefreshToken } from './verify-token.ts'

export type RevocationDeps = ClientEndpointDeps & { readonly secret: ServerSecret }

export function registerRevocation(app: FastifyInstance, deps: RevocationDeps): void {
  const url = `${protocolPath}/revoke`
  app.post(url, (request, reply) => revoke(deps, request, reply))
  app.options(url, async (request, reply) => {
    const realm = await realmOf(deps, request, reply)
    return realm ? answerPreflight(request, reply, realm) : reply
  })
}

/** One request: who asks, from where, when. */
interface Asking {
  readonly realm: Realm
  readonly client: Client
  readonly ipAddress: string
  readonly at: Instant
}

async function revoke(
  deps: RevocationDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const realm = await realmOf(deps, request, reply)
  if (!realm) return reply
  const form = readForm(request)
  if (!form.ok) return sendDuplicate(reply, form.duplicate)
  const at = deps.ambient.clock.now()
  const client = await requireClient(deps, realm, request, reply, form.values, 'REVOKE_GRANT', at)
  if (!client) return reply
  if (client.bearerOnly) return sendError(reply, 400, 'invalid_client', 'Bearer-only not allowed')
  const token = form.values['token']
  if (token === undefined) return sendError(reply, 400, 'invalid_request', 'Token not provided')

  const asking: Asking = { realm, client, ipAddress: request.ip, at }
  // §2.1: the hint is only a hint; the token says itself what it is
  const fault =
    claimedKind(token) === 'refresh'
      ? await revokeRefreshToken(deps, asking, token)
      : await revokeAccessToken(deps, asking, token)
  return fault
    ? refuse(deps, asking, fault, reply)
    : reply.code(200).header('cache-control', 'no-store').send()
}

async function revokeRefreshToken(
  deps: RevocationDeps,
  asking: Asking,
  token: string,
): Promise<TokenFault | undefined> {
  const { realm, client } = asking
  const verified = verifyRefreshToken(deps.secret, realm, token)
  if (!verified.ok) return verified.fault
  if (verified.claims.azp !== client.clientId)
    return { reason: 'other_client', clientId: verified.claims.azp }
  const { jti, typ } = verified.claims
  const details = { refresh_token_type: typ, revoked_client: client.clientId }
  const ending = await deps.store.transact(async (tx) => {
    const stored = await findRefreshToken(tx, realm.id, jti)
    if (!stored) return undefined
    const last = await takeBack(tx, asking, stored)
    if (last !== undefined) return last
    await recordEvent(deps, tx, revokedEvent(asking, stored, details), asking.at)
    return undefined
  })
  if (ending !== undefined) await signOutLast(deps, asking, ending, details)
  return undefined
}

/** Returns the session when the application was the last one in it: then nothing is written here. */
async function takeBack(
  tx: Tx,
  { realm, client, at }: Asking,
  stored: StoredRefreshToken,
): Promise<string | undefined> {
  const { sessionUid, grantId, isOffline } = stored
  if (isOffline || sessionUid === undefined) {
    if (grantId !== undefined) await revokeGrantTokens(tx, realm.id, client.clientId, grantId)
    return undefined
  }
  // two applications that revoke at the same moment must not both believe that the other one stays
  const session = await lockSession(tx, sessionUid, 'for no key update')
  if (session?.state === 'active' && (await isLastApplication(tx, sessionUid, client.clientId)))
    return sessionUid
  await revokeApplicationTokens(tx, sessionUid, client.clientId, at)
  return undefined
}

/** KV-02: an ordinary sign-out; it takes the tokens with it and tells every application of the session. */
async function signOutLast(
  deps: RevocationDeps,
  { realm, client, ipAddress }: Asking,
  sessionUid: string,
  eventDetails: Readonly<Record<string, string>>,
): Promise<void> {
  await signOut(deps, {
    realmId: realm.id,
    scope: { kind: 'session', sessionUid },
    kind: 'ordinary',
    cause: 'token_revoked',
    initiator: 'app',
    actor: { clientId: client.clientId, ipAddress },
    eventDetails,
  })
}

async function revokeAccessToken(
  deps: RevocationDeps,
  asking: Asking,
  token: string,
): Promise<TokenFault | undefined> {
  const { realm, client, at } = asking
  const verified = verifyAccessToken(realm, token)
  if (!verified.ok) return verified.fault
  const { claims } = verified
  if (claims.azp !== client.clientId) return { reason: 'other_client', clientId: claims.azp }
  if (claims.exp * 1000 <= at) return undefined
  await deps.store.transact(async (tx) => {
    await insertRevokedToken(tx, revokedTokenHash(realm.id, claims.jti), claims.exp * 1000)
    await recordEvent(deps, tx, revokedAccessEvent(asking, claims), at)
  })
  return undefined
}

function revokedEvent(
  { realm, client, ipAddress }: Asking,
  { accountId, sessionUid }: StoredRefreshToken,
  details: Readonly<Record<string, string>>,
): NewEvent {
  const { clientId, clientAuthenticatorType } = client
  return {
    type: 'REVOKE_GRANT',
    realm,
    clientId,
    accountId,
    sessionUid,
    ipAddress,
    details: { ...details, client_auth_method: clientAuthenticatorType },
  }
}

/** The `jti` of an access token opens nothing: it is what an operator finds it by (KV-09). */
function revokedAccessEvent({ realm, client, ipAddress }: Asking, claims: AccessTokenClaims): NewEvent {
  const { clientId, clientAuthenticatorType } = client
  return {
    type: 'REVOKE_GRANT',
    realm,
    clientId,
    accountId: claims.sub,
    sessionUid: undefined,
    ipAddress,
    details: {
      token_id: claims.jti,
      revoked_client: clientId,
      client_auth_method: clientAuthenticatorType,
    },
  }
}

/**
 * RFC 7009 §2.2: a token that is unknown here is as good as revoked, so most faults are answered with 200. The
 * event says what was wrong all the same.
 */
function refuse(deps: RevocationDeps, asking: Asking, fault: TokenFault, reply: FastifyReply): FastifyReply {
  const { realm, client, ipAddress, at } = asking
  const { clientId } = client
  const explanation = explainInvalidToken(
    fault,
    { clientId, expected: 'token', realmName: realm.name, issuer: realm.issuer },
    at,
  )
  void recordEventAlone(
    deps,
    deps.store,
    {
      type: 'REVOKE_GRANT_ERROR',
      realm,
      clientId,
      accountId: undefined,
      sessionUid: undefined,
      ipAddress,
      error: 'invalid_token',
      details: { client_auth_method: client.clientAuthenticatorType },
      explanation,
    },
    at,
  )
  // §2.1: the token was issued to another client (KV-05)
  if (fault.reason === 'other_client') return sendError(reply, 400, 'invalid_request', 'Unmatching clients')
  if (fault.reason === 'wrong_kind' && fault.kind === 'ID') {
    return sendError(reply, 400, 'unsupported_token_type', 'Unsupported token type')
  }
  return reply.code(200).header('cache-control', 'no-store').send()
}
