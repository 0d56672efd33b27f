/**
 * The headers of every page (security.md, Headers on HTML; OWASP ASVS 5.0 V3.4).
 *
 * Scripts and styles are files of this server, so the policy needs neither a nonce nor `unsafe-inline`. The
 * sign-in page has no script at all, and its policy allows none.
 */

export interface HeaderNeeds {
  /** The configured public address is https; the request's own scheme does not count. */
  readonly isHttps: boolean
  /** The page loads `live.js` and follows a status of this server. */
  readonly isLive?: boolean
  /** The one redirect URI that the post of this page's form may end at. */
  readonly redirectUri?: string | undefined
  /** Origins of the frames of this sign-out; the front-channel page alone. */
  readonly frameOrigins?: readonly string[]
}

/** Sent with everything, whatever it is. */
export function baseHeaders(isHttps: boolean): Readonly<Record<string, string>> {
  return {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...(isHttps ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : {}),
  }
}

export function pageHeaders(needs: HeaderNeeds): Readonly<Record<string, string>> {
  return {
    ...baseHeaders(needs.isHttps),
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': contentSecurityPolicy(needs),
    'x-frame-options': 'DENY',
    'cache-control': 'no-store',
    'x-robots-tag': 'noindex',
  }
}

export function contentSecurityPolicy(needs: HeaderNeeds): string {
  const formTarget = formActionSource(needs.redirectUri)
  const directives = [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    ...(needs.isLive ? ["script-src 'self'", "connect-src 'self'"] : []),
    ...(needs.frameOrigins?.length ? [`frame-src ${needs.frameOrigins.map(originOf).join(' ')}`] : []),
    formTarget ? `form-action 'self' ${formTarget}` : "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ]
  return directives.join('; ')
}

/**
 * What `form-action` needs so that a form's post may end in a redirect to the application: Chromium and Safari
 * apply the directive to the whole chain of redirects. The origin of the one validated address and nothing
 * else; for an application's own scheme, which has no origin, the scheme.
 */
export function formActionSource(redirectUri: string | undefined): string | undefined {
  if (!redirectUri || !URL.canParse(redirectUri)) return undefined
  const url = new URL(redirectUri)
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.origin : url.protocol
}

function originOf(address: string): string {
  const url = new URL(address)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError('a frame is http or https')
  return url.origin
}
