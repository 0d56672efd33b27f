/** The cookies that the session frame and the cookie probe look at (security.md, cookies). */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { readCookie } from '../../http/read-cookie.ts'
import type { Realm } from '../../realm/realm.ts'
import { sessionCookieName } from '../engine-cookie.ts'

export interface FrameCookie {
  readonly name: string
  /** Everything after the value. */
  readonly attributes: string
}

/** Readable by the frame's script; its value changes with every sign-in and sign-out (KC-02, SM-12). */
export function stateCookie(realm: Realm): FrameCookie {
  return cookie(realm, 'state', '')
}

/** Has exactly the attributes of the session cookie, so that the probe's answer is true for that one (KI-12). */
export function probeCookie(realm: Realm): FrameCookie {
  return cookie(realm, 'probe', '; HttpOnly')
}

function cookie({ issuer, cookieKey }: Realm, purpose: 'state' | 'probe', extra: string): FrameCookie {
  const isHttps = issuer.startsWith('https:')
  return {
    name: `${isHttps ? '__Host-' : 'curfew-'}${purpose}-${cookieKey}`,
    attributes: `; Path=/; SameSite=Lax${isHttps ? '; Secure' : ''}${extra}`,
  }
}

/**
 * The OP browser state of Session Management 1.0 §2, from the value of the session cookie: that is 256 random
 * bits and new at every sign-in, so its hash identifies nobody and leads nowhere.
 */
export function browserState(sessionCookieValue: string): string {
  return createHash('sha256').update(`browser-state/${sessionCookieValue}`).digest('base64url').slice(0, 22)
}

/** The `Set-Cookie` value that goes with a session cookie; without one it removes the state. */
export function stateSetCookie(realm: Realm, sessionCookieValue: string | undefined): string {
  const { name, attributes } = stateCookie(realm)
  return sessionCookieValue === undefined
    ? `${name}=; Max-Age=0${attributes}`
    : `${name}=${browserState(sessionCookieValue)}${attributes}`
}

/** Brings the state cookie into line with the session cookie of this request, whoever set or removed that one. */
export function alignStateCookie(realm: Realm, request: FastifyRequest, reply: FastifyReply): void {
  const { cookie: header } = request.headers
  const session = readCookie(header, sessionCookieName(realm))
  const wanted = session === undefined ? undefined : browserState(session)
  if (readCookie(header, stateCookie(realm).name) === wanted) return
  reply.header('set-cookie', stateSetCookie(realm, session))
}
