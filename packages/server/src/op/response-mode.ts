/**
 * Writes an authorization error in the response mode of the request. The engine's own writers are not public
 * (engine.md §8.3).
 * @see OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode §2, RFC 9207 §2
 */
import type { KoaContextWithOIDC } from 'oidc-provider'

export interface AuthorizationError {
  readonly error: 'login_required' | 'temporarily_unavailable'
  readonly error_description: string
  readonly state: string | undefined
  readonly iss: string
}

export function sendAuthorizationError(
  ctx: Pick<KoaContextWithOIDC, 'status' | 'redirect' | 'type' | 'body'>,
  redirectUri: string,
  responseMode: string | undefined,
  answer: AuthorizationError,
): void {
  const members = Object.entries(answer).filter((entry): entry is [string, string] => entry[1] !== undefined)
  if (responseMode === 'form_post') {
    ctx.status = 400
    ctx.type = 'html'
    ctx.body = formPost(redirectUri, members)
    return
  }
  const url = new URL(redirectUri)
  if (responseMode === 'fragment') url.hash = new URLSearchParams(members).toString()
  else for (const [name, value] of members) url.searchParams.set(name, value)
  ctx.redirect(url.href)
  ctx.status = 303
}

/** Without a script: the page policy allows none, and one press is little for an answer this rare. */
function formPost(action: string, members: readonly [string, string][]): string {
  const inputs = members.map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escapeText(value)}">`,
  )
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Continue</title></head><body><form method="post" action="${escapeText(action)}">${inputs.join('')}<button>Continue</button></form></body></html>`
}

function escapeText(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
