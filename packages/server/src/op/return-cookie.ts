/**
 * Only the browser that answered the sign-in page may go on with the request.
 *
 * The engine's own cookies of a request hold the id that stands in the page's address, and they are bound to a
 * path, so a sibling domain can set them: a stranger could plant the cookies of a request of their own, let a
 * person sign in there, and go on as that person (session fixation, CVE-2026-7507). So each answer gives the
 * browser a fresh value in a cookie that no other host can set, the row keeps its hash, and the way back asks for
 * it. It lives from the answer to the next request, and has a name of its own for each request, so that two of
 * them never take it from one another.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Random, randomId } from '../ambient/random.ts'
import { readCookie } from '../http/read-cookie.ts'
import type { Realm } from '../realm/realm.ts'

/** What the interaction's result keeps of it. */
export interface ReturnBinding {
  readonly returnHash: string
}

export interface NewReturn {
  /** The `Set-Cookie` value for the answer. */
  readonly setCookie: string
  readonly binding: ReturnBinding
}

export function bindReturn(random: Random, realm: Realm, interactionUid: string): NewReturn {
  const value = randomId(random, '', 256)
  // as long as the request itself waits: a browser may come back late
  const maxAge = `; Max-Age=${realm.settings.accessCodeLoginSeconds}`
  return {
    setCookie: `${cookieName(realm, interactionUid)}=${value}${maxAge}${attributes(realm)}`,
    binding: { returnHash: hashOf(value).toString('base64url') },
  }
}

/** True when this browser was given the answer to this request. */
export function mayReturn(
  req: IncomingMessage,
  realm: Realm,
  interactionUid: string,
  result: Partial<ReturnBinding>,
): boolean {
  const value = readCookie(req.headers.cookie, cookieName(realm, interactionUid))
  if (value === undefined || result.returnHash === undefined) return false
  const kept = Buffer.from(result.returnHash, 'base64url')
  const given = hashOf(value)
  return kept.length === given.length && timingSafeEqual(kept, given)
}

export function clearReturn(realm: Realm, interactionUid: string): string {
  return `${cookieName(realm, interactionUid)}=; Max-Age=0${attributes(realm)}`
}

function cookieName(realm: Realm, interactionUid: string): string {
  const request = hashOf(interactionUid).toString('base64url').slice(0, 8)
  return `${isHttps(realm) ? '__Host-' : 'curfew-'}return-${realm.cookieKey}-${request}`
}

function attributes(realm: Realm): string {
  return `; Path=/; HttpOnly; SameSite=Lax${isHttps(realm) ? '; Secure' : ''}`
}

function isHttps({ issuer }: Realm): boolean {
  return issuer.startsWith('https:')
}

function hashOf(value: string): Buffer {
  return createHash('sha256').update(value).digest()
}
