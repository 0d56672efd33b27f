/** What Keycloak accepts in a form and the engine does not (KK-04, KK-05, KK-06, and a refresh that names its scope). */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Realm } from '../realm/realm.ts'
import { defaultScopeNames } from './mapper/granted-scope.ts'
import { normalizeAuthorization, withoutRedirectFragment } from './normalize-authorization.ts'

export type NormalizedForm =
  | {
      readonly kind: 'accepted'
      readonly text: string
      /** The Authorization header to use, when it must change. */
      readonly authorization: string | undefined
    }
  /** Header and body name different credentials. */
  | { readonly kind: 'refused' }

/** @param isAuthorization the form is a pushed authorization request (RFC 9126 §2.1) */
export function normalizeForm(
  realm: Realm,
  authorization: string | undefined,
  body: string,
  isAuthorization = false,
): NormalizedForm {
  // KK-04: empty parameters count as absent
  const given = body.split('&').filter(hasValue)
  const pairs = isAuthorization ? normalizeAuthorization(realm, given) : given.map(withoutRedirectFragment)
  const basic = authorization === undefined ? undefined : readBasic(authorization)
  if (!basic) {
    const named = pairs.find((pair) => pair.startsWith('client_id='))
    const clientId = formDecode(named?.slice('client_id='.length) ?? '')
    return { kind: 'accepted', text: textOf(realm, clientId, pairs), authorization: undefined }
  }
  const spelling = spellingOf(realm, basic)
  const copy = pairs.find((pair) => pair.startsWith('client_secret='))
  const kept = copy === undefined ? pairs : pairs.filter((pair) => !pair.startsWith('client_secret='))
  if (copy !== undefined && !isSame(formDecode(copy.slice('client_secret='.length)), spelling.secret)) {
    return { kind: 'refused' }
  }
  const id = kept.find((pair) => pair.startsWith('client_id='))
  if (id !== undefined && formDecode(id.slice('client_id='.length)) !== spelling.id)
    return { kind: 'refused' }
  const encoded = `${encodeURIComponent(spelling.id)}:${encodeURIComponent(spelling.secret)}`
  return {
    kind: 'accepted',
    text: textOf(realm, spelling.id, kept),
    authorization: `Basic ${Buffer.from(encoded).toString('base64')}`,
  }
}

/**
 * A token response says which scopes are granted, the client's default ones among them, which nobody asked for.
 * An application may ask for exactly those again when it refreshes (RFC 6749 §6; oidc-client-ts always does); the
 * engine knows only what was asked for at first, so the default ones are left out: they are granted anyway.
 */
function textOf(realm: Realm, clientId: string, pairs: readonly string[]): string {
  const client = realm.clients.get(clientId)
  if (!client || !pairs.includes('grant_type=refresh_token')) return pairs.join('&')
  const defaults = new Set(defaultScopeNames(realm, client))
  const asked = pairs.flatMap((pair) => {
    if (!pair.startsWith('scope=')) return [pair]
    const names = formDecode(pair.slice('scope='.length)).split(' ')
    const rest = names.filter((name) => !defaults.has(name))
    // what was asked for at first stays asked for: without `openid` there would be no ID token
    return rest.length === 0 ? [] : [`scope=${encodeURIComponent(rest.join(' '))}`]
  })
  return asked.join('&')
}

/** `name=` is empty; a value may itself end in `=`. */
function hasValue(pair: string): boolean {
  return pair !== '' && pair.indexOf('=') < pair.length - 1
}

interface Basic {
  readonly id: string
  readonly secret: string
}

function readBasic(authorization: string): Basic | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization) ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { id: text.slice(0, colon), secret: text.slice(colon + 1) }
}

/**
 * RFC 6749 §2.3.1 form-encodes id and secret before Base64; keycloak-connect does not (KK-06). The spelling whose
 * secret is the client's is the one that was meant.
 */
function spellingOf(realm: Realm, raw: Basic): Basic {
  const decoded = { id: formDecode(raw.id), secret: formDecode(raw.secret) }
  const client = realm.clients.get(raw.id)
  const isRaw = client?.secret !== undefined && isSame(client.secret, raw.secret)
  return isRaw ? raw : decoded
}

function formDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'))
  } catch {
    return text
  }
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
