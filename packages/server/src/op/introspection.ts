/**
 * Token introspection: whether a token is good right now, judged by the rows of its session (KP-05). Any
 * confidential client of the realm may ask, bearer-only ones included; a public client may not.
 *
 * @see RFC 7662 §2
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { findAccountById } from '../account/find-account.ts'
import type { Instant } from '../ambient/clock.ts'
import { recordEventAlone } from '../event/record-event.ts'
import type { ServerSecret } from '../key/seal.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import type { Queryable } from '../store/store.ts'
import { protocolPath, readForm, realmOf, sendDuplicate, sendError } from './endpoint.ts'
import { judgeAccessToken, type LiveToken } from './judge-access-token.ts'
import { boundKeyOf } from './judge-proof.ts'
import { judgeRefreshToken } from './judge-refresh-token.ts'
import { claimPlan } from './mapper/claim-plan.ts'
import { claimsFor } from './mapper/mapper.ts'
import { notesOf } from './mapper/session-notes.ts'
import { type ClientEndpointDeps, requireClient } from './require-client.ts'
import { explainInvalidToken, type TokenFault } from './token-fault.ts'
import { claimedKind } from './verify-token.ts'

export type IntrospectionDeps = ClientEndpointDeps & { readonly secret: ServerSecret }

export function registerIntrospection(app: FastifyInstance, deps: IntrospectionDeps): void {
  app.post(`${protocolPath}/token/introspect`, (request, reply) => introspect(deps, request, reply))
}

async function introspect(
  deps: IntrospectionDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const realm = await realmOf(deps, request, reply)
  if (!realm) return reply
  const form = readForm(request)
  if (!form.ok) return sendDuplicate(reply, form.duplicate)
  const at = deps.ambient.clock.now()
  const caller = await requireClient(deps, realm, request, reply, form.values, 'INTROSPECT_TOKEN', at)
  if (!caller) return reply
  if (caller.publicClient) return sendError(reply, 401, 'invalid_client', 'Client not allowed.')
  const token = form.values['token']
  if (token === undefined) return sendError(reply, 400, 'invalid_request', 'Token not provided.')

  const judged = await judge(deps, realm, token, at)
  record(deps, realm, caller, judged, request, at)
  // §2.2: of a token that is not active nothing else is said
  return reply.header('cache-control', 'no-store').send(judged.ok ? judged.answer : { active: false })
}

type Introspected =
  | {
      readonly ok: true
      readonly answer: Readonly<Record<string, unknown>>
      readonly accountId: string
      readonly sessionUid: string | undefined
    }
  | { readonly ok: false; readonly fault: TokenFault; readonly expected: 'access token' | 'refresh token' }

async function judge(
  deps: IntrospectionDeps,
  realm: Realm,
  token: string,
  at: Instant,
): Promise<Introspected> {
  const on = deps.store.read
  if (claimedKind(token) === 'refresh') {
    const judged = await judgeRefreshToken({ on, secret: deps.secret }, realm, token, at)
    if (!judged.ok) return { ok: false, fault: judged.fault, expected: 'refresh token' }
    const { claims, client, account, sessionUid } = judged
    const about = { client_id: client.clientId, username: account.username, token_type: claims.typ }
    const answer = { ...claims, ...about, active: true }
    return { ok: true, answer, accountId: account.id, sessionUid }
  }
  const judged = await judgeAccessToken(on, realm, token, at)
  if (!judged.ok) return { ok: false, fault: judged.fault, expected: 'access token' }
  const { live } = judged
  const answer = {
    ...live.claims,
    ...(await claimsForIntrospectionAlone(on, realm, live)),
    sub: live.sub,
    client_id: live.client.clientId,
    username: live.account.username,
    // RFC 9449 §6.2
    token_type: boundKeyOf(live.claims) === undefined ? 'Bearer' : 'DPoP',
    active: true,
  }
  return { ok: true, answer, accountId: live.account.id, sessionUid: live.sessionUid }
}

/** Mappers may keep a claim out of the token and let it be asked for here (`introspection.token.claim`). */
async function claimsForIntrospectionAlone(
  on: Queryable,
  realm: Realm,
  { claims, client, account }: LiveToken,
): Promise<Readonly<Record<string, unknown>>> {
  const scopes = claims.scope?.split(' ') ?? []
  const plan = claimPlan(realm, client, scopes)
  if (!plan.hasIntrospectionOnly) return {}
  const { roles, groups } = plan.reads.introspection
  const whole = roles || groups ? await findAccountById(on, realm.id, account.id) : undefined
  return claimsFor(realm, client, whole ?? account, scopes, 'introspection', notesOf(claims))
}

function record(
  deps: IntrospectionDeps,
  realm: Realm,
  caller: Client,
  judged: Introspected,
  request: FastifyRequest,
  at: Instant,
): void {
  const { clientId } = caller
  const about = {
    realm,
    clientId,
    ipAddress: request.ip,
    details: { client_auth_method: caller.clientAuthenticatorType },
  }
  if (judged.ok) {
    const { accountId, sessionUid } = judged
    void recordEventAlone(deps, deps.store, { type: 'INTROSPECT_TOKEN', ...about, accountId, sessionUid }, at)
    return
  }
  const { fault, expected } = judged
  const explanation = explainInvalidToken(
    fault,
    { clientId, expected, realmName: realm.name, issuer: realm.issuer },
    at,
  )
  void recordEventAlone(
    deps,
    deps.store,
    {
      type: 'INTROSPECT_TOKEN_ERROR',
      ...about,
      accountId: undefined,
      sessionUid: undefined,
      error: 'invalid_token',
      explanation,
    },
    at,
  )
}
