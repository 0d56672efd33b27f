/**
 * Which addresses a browser may be sent to. The given URI is compared as it stands, character by character:
 * nothing is decoded, resolved or folded first, because every hole of the corpus (security.md, redirects) was a
 * difference between two ways to normalise.
 *
 * - exact: the string is registered (RIL-20, SEC-01; on loopback the port may vary, RFC 8252 §7.3).
 * - wildcard: the string begins with a registered value that ends in `*` (SR-22), which imported realms have.
 *   The caller shows it as a link unless a verified hint came with it.
 */
import type { Client } from './client.ts'

export type RedirectMatch = 'exact' | 'wildcard'

/** What of a client decides; a whole `Client` fits. */
export type RedirectRegistration = Pick<Client, 'redirectUris' | 'rootUrl' | 'publicClient' | 'attributes'>

/** Longer addresses are refused: browsers and proxies cut them. */
export const redirectUriLengthMax = 4096

/** Judges the `redirect_uri` of an authorization request. A fragment is refused (RFC 6749 §3.1.2). */
export function matchRedirectUri(client: RedirectRegistration, uri: string): RedirectMatch | undefined {
  return uri.includes('#') ? undefined : matchAny(registeredRedirectUris(client), client, uri)
}

/**
 * Judges the `post_logout_redirect_uri` of an end-session request (KL-20 to KL-26). After a wildcard match the
 * browser is sent to `withoutFragment(uri)`.
 */
export function matchPostLogoutUri(client: RedirectRegistration, uri: string): RedirectMatch | undefined {
  return matchAny(registeredPostLogoutUris(client), client, uri)
}

/** The registered redirect URIs, relative ones resolved on `rootUrl` (KL-25), without those that mean nothing. */
export function registeredRedirectUris(client: RedirectRegistration): readonly string[] {
  return absolute(client.redirectUris, client.rootUrl)
}

/** The list of KL-20: attribute `post.logout.redirect.uris`, joined with `##`; `-` is nothing, `+` adds the redirect URIs. */
export function registeredPostLogoutUris(client: RedirectRegistration): readonly string[] {
  const values = (client.attributes['post.logout.redirect.uris'] ?? '')
    .split('##')
    .filter((value) => value !== '')
  if (values.length === 0) return registeredRedirectUris(client)
  if (values[0] === '-') return []
  const own = values.filter((value) => value !== '+' && value !== '-')
  return absolute(values.includes('+') ? [...own, ...client.redirectUris] : own, client.rootUrl)
}

export function withoutFragment(uri: string): string {
  return uri.split('#', 1)[0] as string
}

/** Says of a registered value why SR-22 does not honour it; for import reports and the doctor. */
export function wildcardProblem(registered: string): 'bare_wildcard' | 'wildcard_outside_path' | undefined {
  if (!registered.includes('*')) return undefined
  if (registered === '*') return 'bare_wildcard'
  return registered.startsWith('/') || wildcardPrefix(registered) !== undefined
    ? undefined
    : 'wildcard_outside_path'
}

function matchAny(
  registered: readonly string[],
  client: RedirectRegistration,
  uri: string,
): RedirectMatch | undefined {
  if (isHostile(uri) || !isSchemeAllowed(client, uri)) return undefined
  const found = matchOne(registered, uri)
  if (found) return found
  const portless = withoutLoopbackPort(uri)
  return portless === undefined ? undefined : matchOne(registered, portless)
}

function matchOne(registered: readonly string[], uri: string): RedirectMatch | undefined {
  if (registered.some((value) => value === uri && !value.endsWith('*'))) return 'exact'
  return registered.some((value) => isBelow(value, uri)) ? 'wildcard' : undefined
}

/** Control characters, white space, backslash and what is not ASCII: parsers disagree about all of them (KL-26). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafeCharacters = /[\u0000-\u0020\u007f-\uffff\\]/

const uriParts = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#[^#]*)?$/

/** Refused whatever is registered (KL-26): also an exact match does not save such a URI. */
function isHostile(uri: string): boolean {
  if (uri.length > redirectUriLengthMax || unsafeCharacters.test(uri)) return true
  const [, scheme = '', authority, path = ''] = uriParts.exec(uri) ?? []
  if (scheme === '' || authority?.includes('@')) return true
  if (isWeb(scheme) && !authority) return true
  return hasTraversal(path)
}

/** Rounds of decoding that are looked through: `%252e` is two. */
const decodeRoundMax = 5

/** True for `.` and `..` segments in any encoding, also before a `;` parameter (CVE-2026-3872, CVE-2024-1132). */
function hasTraversal(path: string): boolean {
  let text = path
  for (let round = 0; round <= decodeRoundMax; round += 1) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an encoded control character is what it looks for
    if (/[\u0000-\u001f\u007f\\]/.test(text)) return true
    if (text.split('/').some((segment) => /^\.{1,2}(;|$)/.test(segment))) return true
    const next = decodedOnce(text)
    if (next === undefined) return true
    if (next === text) return false
    text = next
  }
  return true
}

function decodedOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // a broken escape is read in as many ways as there are parsers
    return undefined
  }
}

const isWeb = (scheme: string): boolean => scheme === 'https' || scheme === 'http'

/** Schemes that run in the browser or open files; no registration allows them. */
const scriptSchemes = new Set([
  'javascript',
  'data',
  'vbscript',
  'file',
  'blob',
  'filesystem',
  'about',
  'view-source',
  'ws',
  'wss',
])

/** KL-24: an app's own scheme is for public clients, and only as registered. */
function isSchemeAllowed(client: RedirectRegistration, uri: string): boolean {
  const scheme = uri.slice(0, uri.indexOf(':'))
  return isWeb(scheme) || (client.publicClient && !scriptSchemes.has(scheme))
}

/** What stands before the `*`, when the `*` ends the path of an absolute URI and nothing else is a wildcard. */
function wildcardPrefix(registered: string): string | undefined {
  if (!registered.endsWith('*')) return undefined
  const prefix = registered.slice(0, -1)
  const [, , authority, path = '', query, fragment] = uriParts.exec(prefix) ?? []
  const isPlain =
    !!authority &&
    !/[*@]/.test(authority) &&
    !path.includes('*') &&
    query === undefined &&
    fragment === undefined
  return isPlain && path.startsWith('/') && !isHostile(prefix) ? prefix : undefined
}

/** SR-22: the URI's path lies below the registered prefix; the prefix fixes scheme, host and port with it. */
function isBelow(registered: string, uri: string): boolean {
  const prefix = wildcardPrefix(registered)
  if (prefix === undefined) return false
  const path = withoutFragment(uri).split('?', 1)[0] as string
  // `https://app.example/*` also allows `https://app.example`, as in Keycloak
  if (prefix.endsWith('/') && path === prefix.slice(0, -1)) return true
  // an empty segment starts a network-path reference once an application takes the origin away
  return (
    path.startsWith(prefix) && !/\/\/|%2f|%5c/i.test(path.slice(path.indexOf('/', path.indexOf('://') + 3)))
  )
}

const loopbackWithPort = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)):(\d{1,5})(?=[/?#]|$)/

/** KL-23, RFC 8252 §7.3: a native application listens on whatever port is free. */
function withoutLoopbackPort(uri: string): string | undefined {
  const found = loopbackWithPort.exec(uri)
  return found && Number(found[2]) <= 65_535 ? `${found[1]}${uri.slice(found[0].length)}` : undefined
}

function absolute(values: readonly string[], rootUrl: string | undefined): readonly string[] {
  return values.flatMap((value) => {
    if (!value.startsWith('/')) return value === '' ? [] : [value]
    return rootUrl && !rootUrl.includes('${') ? [rootUrl.replace(/\/$/, '') + value] : []
  })
}
