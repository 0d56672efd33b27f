/** KL-54: says once per application and day that it still uses the `redirect_uri` of Keycloak before 18. */
import type { GatheredFacts } from '../sign-out/trigger/read-end-session-facts.ts'
import type { SignOutCall } from './sign-out-call.ts'

const dayMs = 86_400_000
/** Applications remembered; beyond it the oldest may be named twice a day. */
const notedCountMax = 1000
const noted = new Map<string, number>()

export function noteLegacyRedirect({ deps, realm, at }: SignOutCall, { facts }: GatheredFacts): void {
  if (facts.redirect.kind !== 'legacy') return
  // a name that no application has is the caller's text: it is neither remembered nor repeated
  const clientId =
    facts.redirect.match?.clientId ?? (facts.isClientKnown ? facts.clientId : undefined) ?? 'unknown'
  const key = `${realm.id}/${clientId}`
  const day = Math.floor(at / dayMs)
  if (noted.get(key) === day) return
  noted.delete(key)
  noted.set(key, day)
  for (const oldest of noted.keys()) {
    if (noted.size <= notedCountMax) break
    noted.delete(oldest)
  }
  deps.log.write('warn', 'end_session.legacy_redirect_uri', {
    realm: realm.name,
    application: clientId,
    use: 'post_logout_redirect_uri with id_token_hint or client_id',
  })
}
