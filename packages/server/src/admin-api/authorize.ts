/**
 * Who may call: a live access token, of the realm itself or of `master`, whose account has one of the roles that
 * the route names (keycloak-dialect.md KQ-31). Runs before the body is read.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { findAccountById } from '../account/find-account.ts'
import type { Instant } from '../ambient/clock.ts'
import { parseCompactJws } from '../op/compact-jws.ts'
import { judgeAccessToken } from '../op/judge-access-token.ts'
import { boundKeyOf } from '../op/judge-proof.ts'
import type { Realm, Realms } from '../realm/realm.ts'
import { refuse } from './admin-answer.ts'
import type { AdminCaller, AdminDeps } from './admin-call.ts'
import { isAllowed, masterRealmName, rolesOver } from './admin-role.ts'

type CallerCheck =
  | { readonly ok: true; readonly caller: AdminCaller }
  | {
      readonly ok: false
      readonly reason: 'token_missing' | 'token_unreadable' | 'realm_unknown' | 'token_dead' | 'token_bound'
    }

/** A Fastify `onRequest` hook. Answers 401, 403 or 404, or sets `request.adminCall`. */
export async function authorize(
  deps: AdminDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  at: Instant,
): Promise<FastifyReply | undefined> {
  const check = await findCaller(deps, request, at)
  if (!check.ok) return unauthorized(reply, check.reason)
  const name = (request.params as { realm?: string }).realm
  const target = name === undefined ? check.caller.realm : await deps.realms.byName(name)
  if (!mayTouch(check.caller, target)) return forbidden(deps, request, reply, check.caller)
  if (!target) return refuse(reply, 404, 'Realm not found.')
  const { needs } = request.routeOptions.config
  // where there is no route there is nothing to protect: the answer says so
  if (needs !== 'own' && !request.is404 && !isAllowed(rolesOver(check.caller, target), needs ?? [])) {
    return forbidden(deps, request, reply, check.caller)
  }
  request.adminCall = { caller: check.caller, realm: target }
  return undefined
}

async function findCaller(deps: AdminDeps, request: FastifyRequest, at: Instant): Promise<CallerCheck> {
  const token = bearerToken(request.headers.authorization)
  if (token === undefined) return { ok: false, reason: 'token_missing' }
  const issuer = unverifiedIssuer(token)
  if (issuer === undefined) return { ok: false, reason: 'token_unreadable' }
  const realm = await realmOfIssuer(deps.realms, issuer)
  if (!realm?.enabled) return { ok: false, reason: 'realm_unknown' }
  const judged = await judgeAccessToken(deps.store.read, realm, token, at)
  if (!judged.ok) return { ok: false, reason: 'token_dead' }
  const { client, claims } = judged.live
  // RFC 9449 §7.1: a bound token is never a bearer token, and proofs are not taken here
  if (boundKeyOf(claims) !== undefined) return { ok: false, reason: 'token_bound' }
  const account = await findAccountById(deps.store.read, realm.id, judged.live.account.id)
  if (!account) return { ok: false, reason: 'token_dead' }
  return { ok: true, caller: { realm, client, account, claims, ipAddress: request.ip } }
}

/** The scheme in any case (KK-07). @see RFC 6750 §2.1 */
function bearerToken(header: string | undefined): string | undefined {
  return /^bearer +([A-Za-z0-9._~+/=-]{1,16384}) *$/i.exec(header ?? '')?.[1]
}

/** Only says whose keys to verify with; nothing of it is believed before that. */
function unverifiedIssuer(token: string): string | undefined {
  const issuer = parseCompactJws(token)?.payload['iss']
  return typeof issuer === 'string' ? issuer : undefined
}

async function realmOfIssuer(realms: Realms, issuer: string): Promise<Realm | undefined> {
  try {
    const realm = await realms.byName(decodeURIComponent(issuer.slice(issuer.lastIndexOf('/') + 1)))
    return realm?.issuer === issuer ? realm : undefined
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

/** Tenant isolation: nobody but `master` learns even whether another realm exists. */
function mayTouch(caller: AdminCaller, target: Realm | undefined): boolean {
  return caller.realm.name === masterRealmName || caller.realm.id === target?.id
}

/** @see RFC 6750 §3 */
function unauthorized(
  reply: FastifyReply,
  reason: Exclude<CallerCheck, { ok: true }>['reason'],
): FastifyReply {
  reply.header('www-authenticate', reason === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"')
  return refuse(reply, 401, 'HTTP 401 Unauthorized', unauthorizedMessage[reason])
}

const unauthorizedMessage = {
  token_missing: 'Send an access token: Authorization: Bearer …',
  token_unreadable: 'The access token is not a JWT.',
  realm_unknown: 'The access token was issued by no realm of this server.',
  token_bound: 'The access token is bound to a key (DPoP). Get one without a proof for this call.',
  token_dead: 'The access token has expired, was revoked, or its session has ended. Get a new one.',
} as const

function forbidden(
  { log }: AdminDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { realm, client, account, ipAddress }: AdminCaller,
): FastifyReply {
  const { config, url } = request.routeOptions
  const needs = config.needs ?? []
  const who = { realmId: realm.id, clientId: client.clientId, userId: account.id, ipAddress }
  log.write('warn', 'admin_api.forbidden', { method: request.method, route: url, needs, ...who })
  const roles = needs === 'own' ? 'an administrator role' : `one of the roles ${needs.join(', ')}`
  return refuse(reply, 403, 'HTTP 403 Forbidden', `The account needs ${roles} over this realm.`)
}
