/** When the engine shows a page before it answers: to sign in, and to ask for consent where a client needs it. */
import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import { currentWork } from './unit-of-work/unit-of-work.ts'

/**
 * The engine's own sign-in checks (OpenID Connect Core §3.1.2.3), and one consent check in place of its five: a
 * client without `consentRequired` is never asked for.
 */
export function createInteractionPolicy(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  const consent = new interactionPolicy.Prompt(
    { name: 'consent', requestable: true },
    new interactionPolicy.Check('consent_missing', 'consent was not given', 'consent_required', needsConsent),
  )
  consent.checks.remove('consent_prompt')
  policy.add(consent)
  return policy
}

function needsConsent({ oidc }: KoaContextWithOIDC): boolean {
  const client = currentWork().realm.clients.get(oidc.client?.clientId ?? '')
  if (!client?.consentRequired) return false
  if (oidc.prompts.has('consent') && !oidc.result?.consent) return true
  const given = new Set(oidc.grant?.getOIDCScopeEncountered().split(' '))
  return [...oidc.requestParamOIDCScopes].some((scope) => !given.has(scope))
}
