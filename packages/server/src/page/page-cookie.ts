/**
 * The cookies of the pages (security.md, cookies). Prefix and `Secure` come with an https public address, both
 * or neither. The session's own cookie belongs to the engine and is handed in by name.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { readCookie as readHeader } from '../http/read-cookie.ts'
import type { Realm } from '../realm/realm.ts'
import { resultPath } from './page-path.ts'

export function readCookie({ headers }: Pick<FastifyRequest, 'headers'>, name: string): string | undefined {
  return readHeader(headers.cookie, name)
}

export function languageCookieName(isHttps: boolean): string {
  return isHttps ? '__Host-language' : 'curfew-language'
}

const yearSeconds = 31_536_000

export function setLanguageCookie(reply: FastifyReply, isHttps: boolean, tag: string): void {
  const attributes = `Path=/; Max-Age=${yearSeconds}; HttpOnly; SameSite=Lax${isHttps ? '; Secure' : ''}`
  reply.header('set-cookie', `${languageCookieName(isHttps)}=${tag}; ${attributes}`)
}

/** How long the result of a sign-out can be looked at, without any session (experience.md §7.4). */
export const resultLifetimeSeconds = 900

/** Bound to the path of its one sign-out, which `__Host-` forbids; `__Secure-` keeps it off plain http. */
export function resultCookieName(realm: Realm): string {
  return `${isHttps(realm) ? '__Secure-' : 'curfew-'}result-${realm.cookieKey}`
}

export function setResultCookie(reply: FastifyReply, realm: Realm, signOutId: string, value: string): void {
  const attributes = `Path=${resultPath(realm, signOutId)}; Max-Age=${resultLifetimeSeconds}; HttpOnly; SameSite=Lax${isHttps(realm) ? '; Secure' : ''}`
  reply.header('set-cookie', `${resultCookieName(realm)}=${value}; ${attributes}`)
}

/** Clears the session's cookie, HttpOnly and Lax as it was set, and the state that its frame reads (KL-46). */
export function clearSessionCookies(reply: FastifyReply, realm: Realm, sessionCookieName: string): void {
  const secure = isHttps(realm) ? '; Secure' : ''
  reply.header('set-cookie', `${sessionCookieName}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax${secure}`)
  const state = `${isHttps(realm) ? '__Host-' : 'curfew-'}state-${realm.cookieKey}`
  reply.header('set-cookie', `${state}=; Path=/; Max-Age=0; SameSite=Lax${secure}`)
}

function isHttps({ issuer }: Realm): boolean {
  return issuer.startsWith('https:')
}
