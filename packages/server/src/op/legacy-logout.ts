/**
 * The legacy sign-out of Keycloak's clients: POST to `/logout` with `refresh_token` and client credentials
 * (keycloak-dialect.md §3). It ends the whole session and tells every application; the answer is 204, also when
 * the session had ended before.
 *
 * Expired and not-before-invalid tokens are accepted: they may no longer get anything, but they still say which
 * session is meant.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../ambient/clock.ts'
import { recordEventAlone } from '../event/record-event.ts'
import type { ServerSecret } from '../key/seal.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { findClientSessionBySid } from '../session/find-client-session-by-sid.ts'
import { readSession } from '../session/read-session.ts'
import type { ClientSession } from '../session/session.ts'
import { signOut } from '../sign-out/sign-out.ts'
import { setCors } from './cors.ts'
import { sendError } from './endpoint.ts'
import { findRefreshToken, type StoredRefreshToken } from './find-refresh-token.ts'
import type { RefreshTokenClaims } from './refresh-token-format.ts'
import { type ClientEndpointDeps, requireClient } from './require-client.ts'
import { requireHttps } from './require-https.ts'
import { revokeGrantTokens } from './revoke-tokens.ts'
import { explainInvalidToken, type TokenFault } from './token-fault.ts'
import { verifyRefreshToken } from './verify-token.ts'

export type LegacyLogoutDeps = ClientEndpointDeps & { readonly secret: ServerSecret }

interface Asking {
  readonly realm: Realm
  readonly client: Client
  readonly ipAddress: string
  readonly at: Instant
}

/** Answers a POST to `/logout` whose parameters hold `refresh_token`; everything else there is end_session's. */
export async function legacyLogout(
  deps: LegacyLogoutDeps,
  realm: Realm,
  request: FastifyRequest,
  reply: FastifyReply,
  values: Readonly<Record<string, string>>,
): Promise<FastifyReply> {
  const at = deps.ambient.clock.now()
  setCors(request, reply, realm)
  if (!requireHttps(realm, request, reply)) return reply
  const client = await requireClient(deps, realm, request, reply, values, 'LOGOUT', at)
  if (!client) return reply
  if (client.bearerOnly) return sendError(reply, 400, 'invalid_client', 'Bearer-only not allowed')

  const asking: Asking = { realm, client, ipAddress: request.ip, at }
  const found = await findSession(deps, asking, values['refresh_token'] ?? '')
  if (!found.ok) return refuse(deps, asking, found.fault, reply)
  const signOutId = await endSession(deps, asking, found)
  if (signOutId !== undefined) reply.header('link', `<${signOutUrl(realm, signOutId)}>; rel="status"`)
  return reply.code(204).header('cache-control', 'no-store').send()
}

type Found =
  | {
      readonly ok: true
      readonly claims: RefreshTokenClaims
      readonly stored: StoredRefreshToken | undefined
      readonly clientSession: ClientSession | undefined
    }
  | { readonly ok: false; readonly fault: TokenFault }

/** The session that the token belongs to, alive or a tombstone (KR-07, KR-08, KR-20). */
async function findSession(deps: LegacyLogoutDeps, { realm, client }: Asking, token: string): Promise<Found> {
  const verified = verifyRefreshToken(deps.secret, realm, token)
  if (!verified.ok) return verified
  const { claims } = verified
  if (claims.azp !== client.clientId)
    return { ok: false, fault: { reason: 'other_client', clientId: claims.azp } }
  const stored = await findRefreshToken(deps.store.read, realm.id, claims.jti)
  if (stored?.consumedAt !== undefined) {
    const { grantId } = stored
    // RFC 9700 §4.14.2: a token that was replaced and is used again costs its whole family
    if (grantId !== undefined) {
      await deps.store.transact((tx) => revokeGrantTokens(tx, realm.id, client.clientId, grantId))
    }
    return { ok: false, fault: { reason: 'rotated' } }
  }
  const bySid =
    claims.sid === undefined ? undefined : await findClientSessionBySid(deps.store.read, realm.id, claims.sid)
  const clientSession = bySid?.clientId === client.clientId ? bySid : undefined
  if (!clientSession && !stored) return { ok: false, fault: { reason: 'unknown' } }
  return { ok: true, claims, stored, clientSession }
}

/** Returns the sign-out, its own or the one that was first; undefined when nothing of the session is left to name. */
async function endSession(
  deps: LegacyLogoutDeps,
  { realm, client, ipAddress }: Asking,
  { claims, stored, clientSession }: Extract<Found, { ok: true }>,
): Promise<string | undefined> {
  const grantId = stored?.isOffline ? stored.grantId : undefined
  if (grantId !== undefined) {
    await deps.store.transact((tx) => revokeGrantTokens(tx, realm.id, client.clientId, grantId))
  }
  const sessionUid = clientSession?.sessionUid ?? stored?.sessionUid
  if (sessionUid === undefined || (await hasLeftAlone(deps, clientSession))) return undefined
  const result = await signOut(deps, {
    realmId: realm.id,
    scope: { kind: 'session', sessionUid },
    kind: 'ordinary',
    cause: 'legacy_refresh_token',
    initiator: 'app',
    actor: { clientId: client.clientId, ipAddress },
    eventDetails: { client_auth_method: client.clientAuthenticatorType, refresh_token_type: claims.typ },
  })
  return result.ok ? result.signOutId : undefined
}

/** A person who left this one application keeps the session; the application's late call changes nothing. */
async function hasLeftAlone(
  { store }: LegacyLogoutDeps,
  clientSession: ClientSession | undefined,
): Promise<boolean> {
  if (clientSession?.endedAt === undefined) return false
  const session = await readSession(store.read, clientSession.sessionUid)
  return session?.state === 'active'
}

function refuse(
  deps: LegacyLogoutDeps,
  asking: Asking,
  fault: TokenFault,
  reply: FastifyReply,
): FastifyReply {
  const { realm, client, ipAddress, at } = asking
  const { clientId } = client
  const context = {
    clientId,
    expected: 'refresh token',
    realmName: realm.name,
    issuer: realm.issuer,
  } as const
  void recordEventAlone(
    deps,
    deps.store,
    {
      type: 'LOGOUT_ERROR',
      realm,
      clientId,
      accountId: undefined,
      sessionUid: undefined,
      ipAddress,
      error: 'invalid_token',
      details: { client_auth_method: client.clientAuthenticatorType },
      explanation: explainInvalidToken(fault, context, at),
    },
    at,
  )
  return sendError(reply, 400, 'invalid_grant', 'Invalid refresh token')
}

/** Where an administrator follows it (KR-06). */
function signOutUrl({ issuer, name }: Realm, signOutId: string): string {
  const base = issuer.slice(0, issuer.lastIndexOf('/realms/'))
  return `${base}/admin/realms/${encodeURIComponent(name)}/sign-outs/${signOutId}`
}
