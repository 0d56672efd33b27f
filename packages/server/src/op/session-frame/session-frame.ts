/**
 * The session frame: a page that an application keeps in a hidden frame and asks whether the person is still
 * signed in (keycloak-js does so every 5 s), and the probe whether it works in this browser at all.
 *
 * - It knows two forms of state: the standard's hash, recomputed in the frame, and Keycloak's plain `sid`, asked
 *   of the server at most once in 15 s, and at once when the state cookie changed (SR-23, KI-08, KI-11).
 * - These three pages are the only ones that others may frame (SEC-10).
 *
 * @see OpenID Connect Session Management 1.0 §3.2, §3.3; keycloak-dialect.md §6
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../../ambient/clock.ts'
import { readCookie } from '../../http/read-cookie.ts'
import type { Realm } from '../../realm/realm.ts'
import type { Client } from '../../rp/client.ts'
import { isOriginAllowed } from '../../rp/web-origins.ts'
import { findClientSessionBySid } from '../../session/find-client-session-by-sid.ts'
import { findSessionByCookie } from '../../session/find-session-by-cookie.ts'
import { readSession } from '../../session/read-session.ts'
import { isAlive } from '../../session/session.ts'
import { type EndpointDeps, protocolPath, readQuery, realmOf, sendDuplicate, sendError } from '../endpoint.ts'
import { sessionCookieName } from '../engine-cookie.ts'
import { alignStateCookie, stateCookie } from './frame-cookie.ts'
import { sendFramePage } from './frame-page.ts'
import { isSessionFrameOn } from './session-state.ts'
import { statusScript } from './status-script.ts'

/** KI-11: a sign-out by an administrator is seen within this time. */
const minCheckMs = 15_000
/** With `?version=` the page may be kept (KI-01): whoever changes it changes the version. */
const versionedMaxAgeSeconds = 86_400

export type SessionFrameDeps = Pick<EndpointDeps, 'store' | 'realms' | 'ambient'>

export function registerSessionFrame(app: FastifyInstance, deps: SessionFrameDeps): void {
  const url = `${protocolPath}/login-status-iframe.html`
  app.get(url, (request, reply) => sendFrame(deps, request, reply))
  app.get(`${url}/init`, (request, reply) => init(deps, request, reply))
  app.get(`${url}/check`, (request, reply) => check(deps, request, reply))
}

async function sendFrame(
  deps: SessionFrameDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const realm = await frameRealm(deps, request, reply)
  if (!realm) return reply
  alignStateCookie(realm, request, reply)
  const query = readQuery(request)
  const isVersioned = query.ok && query.values['version'] !== undefined
  reply.header('cache-control', isVersioned ? `private, max-age=${versionedMaxAgeSeconds}` : 'no-store')
  return sendFramePage(reply, deps.ambient.random, {
    title: 'Session status',
    script: statusScript,
    values: { stateCookie: stateCookie(realm).name, minCheckMs },
  })
}

async function frameRealm(
  deps: SessionFrameDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Realm | undefined> {
  const realm = await realmOf(deps, request, reply)
  if (!realm || isSessionFrameOn(realm)) return realm
  sendError(reply, 404, 'not_found', 'The session frame of this realm is switched off.')
  return undefined
}

/** KI-02: 204 if pages of this origin may ask for this client. */
async function init(
  deps: SessionFrameDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const asking = await readAsking(deps, request, reply)
  return asking ? reply.code(204).send() : reply
}

/** KI-06 to KI-08 and KI-11: is `sid` this client's in the session that this browser has, and is it alive? */
async function check(
  deps: SessionFrameDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const asking = await readAsking(deps, request, reply)
  if (!asking) return reply
  const isUnchanged = await isSameSession(deps, asking, request.headers.cookie, deps.ambient.clock.now())
  return reply.header('cache-control', 'no-store').send({ status: isUnchanged ? 'unchanged' : 'changed' })
}

interface Asking {
  readonly realm: Realm
  readonly client: Client
  readonly sid: string
}

/** The client that the frame's page speaks for, if its origin may; otherwise the answer is sent. */
async function readAsking(
  deps: SessionFrameDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Asking | undefined> {
  const realm = await frameRealm(deps, request, reply)
  if (!realm) return undefined
  alignStateCookie(realm, request, reply)
  reply.header('cache-control', 'no-store')
  const query = readQuery(request)
  if (!query.ok) {
    sendDuplicate(reply, query.duplicate)
    return undefined
  }
  const { client_id: clientId = '', origin = '', sid = '' } = query.values
  const client = realm.clients.get(clientId)
  const isKnown = client?.enabled && !client.isDeleted
  if (!isKnown || !(isOriginAllowed(client, origin) || origin === new URL(realm.issuer).origin)) {
    sendError(reply, 403, 'access_denied', 'The origin is not registered for this client.')
    return undefined
  }
  return { realm, client, sid }
}

async function isSameSession(
  deps: SessionFrameDeps,
  { realm, client, sid }: Asking,
  cookieHeader: string | undefined,
  at: Instant,
): Promise<boolean> {
  const on = deps.store.read
  const clientSession = await findClientSessionBySid(on, realm.id, sid)
  if (!clientSession || clientSession.clientId !== client.clientId || clientSession.endedAt !== undefined) {
    return false
  }
  const cookie = readCookie(cookieHeader, sessionCookieName(realm))
  const session =
    cookie === undefined
      ? await readSession(on, clientSession.sessionUid)
      : await findSessionByCookie(on, realm.id, cookie)
  return session?.uid === clientSession.sessionUid && isAlive(session, at)
}
