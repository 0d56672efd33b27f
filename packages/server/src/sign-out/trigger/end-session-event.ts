/** LOGOUT_ERROR of the end-session endpoint: Keycloak's words, and the sentence for the operator. */
import type { NewEvent } from '../../event/event.ts'
import type { Realm } from '../../realm/realm.ts'
import type { EndSessionFacts, EndSessionRefusal } from './decide-end-session.ts'
import { explainHint } from './verify-id-token-hint.ts'

export type EndSessionError =
  | EndSessionRefusal
  | 'parameter_repeated'
  | 'hint_session_gone'
  | 'question_too_old'
  | 'question_much_too_old'
  | 'form_tampered'

/** KE-10 to KE-15. */
const errorWords: Readonly<Record<EndSessionError, string>> = {
  client_missing: 'invalid_request',
  parameter_repeated: 'invalid_request',
  hint_bad: 'invalid_token',
  client_mismatch: 'invalid_token',
  client_unknown: 'invalid_redirect_uri',
  redirect_not_registered: 'invalid_redirect_uri',
  hint_session_gone: 'session_expired',
  question_too_old: 'expired_code',
  question_much_too_old: 'session_expired',
  form_tampered: 'logout_failed',
}

export interface EndSessionErrorContext {
  /** What the decision saw; absent for errors of a form. */
  readonly facts?: EndSessionFacts | undefined
  readonly clientId: string | undefined
  readonly sessionUid: string | undefined
  readonly ipAddress: string
  /** The parameter that was sent twice. */
  readonly parameter?: string
}

export function endSessionErrorEvent(
  realm: Realm,
  error: EndSessionError,
  context: EndSessionErrorContext,
): NewEvent {
  const { facts } = context
  const isAboutRedirect = error === 'client_unknown' || error === 'redirect_not_registered'
  const hint = facts?.hint
  return {
    type: 'LOGOUT_ERROR',
    realm,
    clientId: context.clientId ?? (hint?.kind === 'good' ? hint.clientId : undefined),
    accountId: undefined,
    sessionUid: context.sessionUid,
    ipAddress: context.ipAddress,
    error: errorWords[error],
    details: {
      ...(hint?.kind === 'bad' && error === 'hint_bad' ? { reason: hint.fault.reason } : {}),
      ...(isAboutRedirect && facts?.redirect.kind !== 'none'
        ? { redirect_uri: bounded(facts?.redirect.uri ?? '') }
        : {}),
    },
    explanation: explain(realm, error, context),
  }
}

function explain(
  realm: Realm,
  error: EndSessionError,
  { facts, clientId, parameter }: EndSessionErrorContext,
): string {
  const named = bounded(clientId ?? 'the application')
  switch (error) {
    case 'client_missing':
      return 'post_logout_redirect_uri was sent without id_token_hint and without client_id, so there is nothing to compare it with. Send one of the two with it.'
    case 'parameter_repeated':
      return `The parameter ${bounded(parameter ?? '')} was sent more than once. Usually the application adds its parameters to an address that has them already.`
    case 'hint_bad':
      return facts?.hint.kind === 'bad'
        ? explainHint(facts.hint.fault, realm)
        : 'The id_token_hint is not good.'
    case 'client_mismatch':
      return `client_id is ${named}, but the id_token_hint was issued to ${facts?.hint.kind === 'good' ? bounded(facts.hint.clientId) : 'another application'}. Two applications share one session store, or one is configured with the other's client_id.`
    case 'client_unknown':
      return `No application ${named} is registered in the realm ${realm.name}, so its return address cannot be compared. Register it, or correct client_id.`
    case 'redirect_not_registered':
      return `The return address is not registered for ${named}. It is compared as it stands, character by character: add exactly this address to “post.logout.redirect.uris”, or correct what the application sends.`
    case 'hint_session_gone':
      return 'The session of the id_token_hint had already ended. Nothing is wrong: the person was signed out before, here or elsewhere.'
    case 'question_too_old':
      return `The question whether to sign out was answered after more than ${realm.settings.accessCodeUserActionSeconds} s, so it was asked again.`
    case 'question_much_too_old':
      return 'The question whether to sign out was answered after more than half an hour, so it was asked again.'
    case 'form_tampered':
      return 'The form of the question belongs to another session or browser, or was changed on its way. Nothing was ended.'
  }
}

function bounded(value: string): string {
  return value.length > 200 ? `${value.slice(0, 200)}…` : value
}
