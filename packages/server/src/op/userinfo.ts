/**
 * The userinfo endpoint: what the realm says of the person to whom an access token belongs, as long as the
 * session that it came from is alive (KP-07).
 *
 * @see OpenID Connect Core 1.0 §5.3, RFC 6750 §2 and §3
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { findAccountById } from '../account/find-account.ts'
import type { Instant } from '../ambient/clock.ts'
import { recordEventAlone } from '../event/record-event.ts'
import type { Realm } from '../realm/realm.ts'
import type { Queryable } from '../store/store.ts'
import { answerPreflight, setCors } from './cors.ts'
import {
  challengeRealm,
  type EndpointDeps,
  protocolPath,
  readForm,
  realmOf,
  sendDuplicate,
  sendError,
} from './endpoint.ts'
import { type JudgedToken, judgeAccessToken, type LiveToken } from './judge-access-token.ts'
import { judgeProof, type Presented, proofAlgorithms } from './judge-proof.ts'
import type { Claims } from './mapper/claim-path.ts'
import { claimPlan } from './mapper/claim-plan.ts'
import { supportedScopes } from './mapper/granted-scope.ts'
import { claimsFor } from './mapper/mapper.ts'
import { notesOf } from './mapper/session-notes.ts'
import { addRequestedClaims } from './requested-claims.ts'
import { explainInvalidToken, type TokenFault } from './token-fault.ts'

export function registerUserinfo(app: FastifyInstance, deps: EndpointDeps): void {
  const url = `${protocolPath}/userinfo`
  app.route({ method: ['GET', 'POST'], url, handler: (request, reply) => userinfo(deps, request, reply) })
  app.options(url, async (request, reply) => {
    const realm = await realmOf(deps, request, reply)
    return realm ? answerPreflight(request, reply, realm) : reply
  })
}

async function userinfo(
  deps: EndpointDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const realm = await realmOf(deps, request, reply)
  if (!realm) return reply
  setCors(request, reply, realm)
  const at = deps.ambient.clock.now()
  const bearer = readBearer(request)
  switch (bearer.kind) {
    case 'duplicate':
      return sendDuplicate(reply, bearer.name)
    case 'several':
      return challenge(
        reply,
        realm,
        400,
        'invalid_request',
        'The access token was sent in more than one way.',
      )
    case 'absent':
      return challenge(reply, realm, 401, undefined, 'Send the access token as Authorization: Bearer.')
    case 'token':
      return answerFor(deps, realm, presentedBy(request, realm, bearer), reply, request, at)
  }
}

type Bearer =
  | { readonly kind: 'token'; readonly token: string; readonly scheme: Presented['scheme'] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'several' }
  | { readonly kind: 'duplicate'; readonly name: string }

/** RFC 6750 §2.1 and §2.2, RFC 9449 §7.1; never the query, which ends up in logs. The scheme's case is free (KK-07). */
function readBearer(request: FastifyRequest): Bearer {
  const form = readForm(request)
  if (!form.ok) return { kind: 'duplicate', name: form.duplicate }
  const [, scheme = '', inHeader] =
    /^(bearer|dpop) +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? []
  const inBody = form.values['access_token']
  if (inHeader !== undefined && inBody !== undefined) return { kind: 'several' }
  const token = inHeader ?? inBody
  if (token === undefined) return { kind: 'absent' }
  return { kind: 'token', token, scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer' }
}

function presentedBy(
  { method, headers }: FastifyRequest,
  { issuer }: Realm,
  { token, scheme }: Extract<Bearer, { kind: 'token' }>,
): Presented {
  const { dpop } = headers
  const proof = typeof dpop === 'string' ? dpop : undefined
  return { token, scheme, proof, method, url: `${issuer}/protocol/openid-connect/userinfo` }
}

async function answerFor(
  deps: EndpointDeps,
  realm: Realm,
  presented: Presented,
  reply: FastifyReply,
  request: FastifyRequest,
  at: Instant,
): Promise<FastifyReply> {
  const on = deps.store.read
  const judged = await judgePresented(deps, realm, presented, at)
  if (!judged.ok) {
    recordRefusal(deps, realm, judged, request, at)
    setCors(request, reply, realm, realm.clients.get(judged.claims?.azp ?? ''))
    const scheme = judged.fault.reason === 'key_not_proven' ? 'DPoP' : presented.scheme
    return challenge(reply, realm, 401, 'invalid_token', 'Token verification failed', scheme)
  }
  const { live } = judged
  const { claims, client } = live
  setCors(request, reply, realm, client)
  const scopes = claims.scope?.split(' ') ?? []
  if (!scopes.includes('openid')) {
    return challenge(reply, realm, 403, 'insufficient_scope', 'Missing openid scope')
  }
  const said = await claimsOf(on, realm, live, scopes)
  recordRequest(deps, realm, live, request, at)
  return reply.header('cache-control', 'no-store').send({ sub: live.sub, ...said })
}

/** The token, and the key that it may be bound to. */
async function judgePresented(
  deps: EndpointDeps,
  realm: Realm,
  presented: Presented,
  at: Instant,
): Promise<JudgedToken> {
  const judged = await judgeAccessToken(deps.store.read, realm, presented.token, at)
  if (!judged.ok) return judged
  const { claims, account, sessionUid } = judged.live
  const fault = await judgeProof(deps, realm, claims, presented, at)
  if (fault === undefined) return judged
  return {
    ok: false,
    fault: { reason: 'key_not_proven', fault },
    claims,
    accountId: account.id,
    sessionUid,
  }
}

async function claimsOf(
  on: Queryable,
  realm: Realm,
  live: LiveToken,
  scopes: readonly string[],
): Promise<Claims> {
  const { claims, client } = live
  const names = claims.userinfo_claims ?? []
  const read = names.length === 0 ? scopes : supportedScopes(realm, client)
  const { roles, groups } = claimPlan(realm, client, read).reads.userinfo
  const whole = roles || groups ? await findAccountById(on, realm.id, live.account.id) : undefined
  const of = { realm, client, account: whole ?? live.account, notes: notesOf(claims) }
  const said = claimsFor(realm, client, of.account, scopes, 'userinfo', of.notes)
  return addRequestedClaims(of, names, said)
}

/** RFC 6750 §3: without credentials the challenge names no error (§3.1). RFC 9449 §7.1 has a scheme of its own. */
function challenge(
  reply: FastifyReply,
  realm: Realm,
  status: 400 | 401 | 403,
  error: string | undefined,
  description: string,
  scheme: Presented['scheme'] = 'Bearer',
): FastifyReply {
  const parts = [challengeRealm(realm)]
  if (error) parts.push(`error="${error}"`, `error_description="${description}"`)
  if (scheme === 'DPoP') parts.push(`algs="${proofAlgorithms.join(' ')}"`)
  reply.header('www-authenticate', `${scheme} ${parts.join(', ')}`)
  return sendError(reply, status, error ?? 'invalid_token', description)
}

function recordRequest(
  deps: EndpointDeps,
  realm: Realm,
  live: LiveToken,
  request: FastifyRequest,
  at: Instant,
): void {
  void recordEventAlone(
    deps,
    deps.store,
    {
      type: 'USER_INFO_REQUEST',
      realm,
      clientId: live.client.clientId,
      accountId: live.account.id,
      sessionUid: live.sessionUid,
      ipAddress: request.ip,
      details: { auth_method: 'validate_access_token' },
    },
    at,
  )
}

function recordRefusal(
  deps: EndpointDeps,
  realm: Realm,
  judged: Extract<JudgedToken, { ok: false }>,
  request: FastifyRequest,
  at: Instant,
): void {
  const clientId = judged.claims?.azp
  const context = {
    clientId: clientId ?? 'An application',
    expected: 'access token',
    realmName: realm.name,
    issuer: realm.issuer,
  } as const
  void recordEventAlone(
    deps,
    deps.store,
    {
      type: 'USER_INFO_REQUEST_ERROR',
      realm,
      clientId,
      accountId: judged.accountId,
      sessionUid: judged.sessionUid,
      ipAddress: request.ip,
      error: errorWord(judged.fault),
      details: { auth_method: 'validate_access_token' },
      explanation: explainInvalidToken(judged.fault, context, at),
    },
    at,
  )
}

/** Keycloak's words of userinfo errors. */
function errorWord({ reason }: TokenFault): string {
  switch (reason) {
    case 'session_ended':
    case 'session_expired':
      return 'user_session_not_found'
    case 'account_disabled':
      return 'user_disabled'
    case 'client_disabled':
      return 'client_disabled'
    case 'client_unknown':
      return 'client_not_found'
    case 'not_a_jwt':
    case 'other_issuer':
    case 'unknown_key':
    case 'retired_key':
    case 'signature_invalid':
    case 'wrong_kind':
    case 'other_client':
    case 'expired':
    case 'not_before':
    case 'revoked':
    case 'rotated':
    case 'unknown':
    case 'key_not_proven':
      return 'invalid_token'
  }
}
