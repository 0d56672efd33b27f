/**
 * Refused token requests in Keycloak's words: what the application reads (`error_description`), and the word of the
 * event. The engine's own words are the keys; a test holds each of them.
 */
import type { EngineError } from './unit-of-work/unit-of-work.ts'

interface CodeFault {
  /** Of the event. */
  readonly word: string
  readonly description: string
}

const unknownCode: CodeFault = { word: 'invalid_code', description: 'Code not valid' }

/** Whoever gets here has proven to be the client, so it may know what it did wrong with its own code. */
const codeFaults: Readonly<Record<string, CodeFault>> = {
  'authorization code redirect_uri mismatch': {
    word: 'invalid_redirect_uri',
    description: 'Incorrect redirect_uri',
  },
  'code_verifier must be provided': {
    word: 'code_verifier_missing',
    description: 'PKCE code verifier not specified',
  },
  'code_verifier does not match code_challenge': {
    word: 'pkce_verification_failed',
    description: 'PKCE verification failed: Code mismatch',
  },
  // the engine's word for a verifier without a challenge
  'unsupported code_challenge_method': {
    word: 'invalid_code_verifier',
    description: 'PKCE code verifier specified but challenge not present in authorization',
  },
}

export function codeFaultOf({ error_detail: detail = '' }: EngineError): CodeFault {
  return codeFaults[detail] ?? unknownCode
}

/** RFC 6749 §5.2 has a word of its own for this, which the engine does not use. */
const grantNotAllowed = 'requested grant type is not allowed for this client'

export function isGrantNotAllowed(error: EngineError): boolean {
  return error.error_description === grantNotAllowed
}

/** undefined where the engine's own description stands. */
export function tokenErrorMembers(
  error: EngineError,
  grantType: string,
): { readonly error?: string; readonly error_description: string } | undefined {
  if (isGrantNotAllowed(error))
    return { error: 'unauthorized_client', error_description: notAllowed(grantType) }
  if (error.error === 'invalid_client')
    return { error_description: 'Invalid client or Invalid client credentials' }
  if (error.error === 'unsupported_grant_type') return { error_description: 'Unsupported grant_type' }
  if (error.error === 'invalid_grant' && grantType === 'authorization_code')
    return { error_description: codeFaultOf(error).description }
  const [, missing] = /^missing required parameter '(\w+)'$/.exec(error.error_description ?? '') ?? []
  return missing === undefined ? undefined : { error_description: missingParameter(missing) }
}

function notAllowed(grantType: string): string {
  switch (grantType) {
    case 'client_credentials':
      return 'Client not enabled to retrieve service account'
    case 'password':
      return 'Client not allowed for direct access grants'
    default:
      return 'Client not allowed to use this grant type'
  }
}

function missingParameter(name: string): string {
  if (name === 'grant_type') return 'Missing form parameter: grant_type'
  return name === 'refresh_token' ? 'No refresh token' : `Missing parameter: ${name}`
}
