/**
 * Why a token is not accepted, and the sentence that tells an operator so (KR-20). The wire says less: an
 * attacker learns only that the token is not good.
 */
import type { Instant } from '../ambient/clock.ts'
import { describeEnd, describeInstant, type SessionEnd } from '../event/explain.ts'
import type { ProofFault } from './judge-proof.ts'

export type TokenFault =
  | { readonly reason: 'not_a_jwt' }
  | { readonly reason: 'other_issuer'; readonly issuer: string }
  | { readonly reason: 'unknown_key'; readonly kid: string | undefined }
  | { readonly reason: 'retired_key'; readonly kid: string }
  | { readonly reason: 'signature_invalid' }
  | { readonly reason: 'wrong_kind'; readonly kind: string }
  | { readonly reason: 'other_client'; readonly clientId: string }
  | { readonly reason: 'client_unknown'; readonly clientId: string }
  | { readonly reason: 'client_disabled'; readonly clientId: string }
  | { readonly reason: 'expired'; readonly expiredAt: Instant }
  | {
      readonly reason: 'not_before'
      readonly level: 'realm' | 'client' | 'account'
      readonly notBeforeAt: Instant
    }
  | { readonly reason: 'revoked' }
  | { readonly reason: 'rotated' }
  | { readonly reason: 'session_ended'; readonly end: SessionEnd | undefined }
  | { readonly reason: 'session_expired' }
  | { readonly reason: 'account_disabled' }
  | { readonly reason: 'unknown' }
  /** The token is bound to a key, and nothing proved that the caller has it (RFC 9449). */
  | { readonly reason: 'key_not_proven'; readonly fault: ProofFault }

/** What the sentence names. */
export interface FaultContext {
  /** The application that sent the token. */
  readonly clientId: string
  /** `refresh token`, `access token`, … : what the request was expected to carry. */
  readonly expected: 'refresh token' | 'access token' | 'token'
  readonly realmName: string
  readonly issuer: string
}

/** One sentence or two: what was wrong, in which value, what usually causes it, what to do. Times are UTC. */
export function explainInvalidToken(fault: TokenFault, context: FaultContext, at: Instant): string {
  const { clientId, expected, realmName, issuer } = context
  const one = `${expected === 'access token' ? 'an' : 'a'} ${expected}`
  const sent = `${clientId} sent ${one}`
  switch (fault.reason) {
    case 'not_a_jwt':
      return `${clientId} sent a value that is not a JWT where ${one} belongs. Usually it was cut off, or the form field was encoded twice; send the token exactly as the token endpoint returned it.`
    case 'other_issuer':
      return `${sent} that was issued by ${quote(fault.issuer)}, but this realm's issuer is ${issuer}. The host name or the /auth prefix changed since the person signed in; the application's next sign-in gets a good token.`
    case 'unknown_key':
      return `${sent} that was not signed by a key of the realm ${realmName}${fault.kid ? ` (kid ${quote(fault.kid)})` : ''}. It is from another realm or server, or the realm was made anew without its keys; import the realm with its keys, or let the person sign in again.`
    case 'retired_key':
      return `${sent} that was signed by the key ${quote(fault.kid)}, which is no longer in the key set. The token is older than the key rotation; keep a retired key as passive until everything that it signed has expired.`
    case 'signature_invalid':
      return `${sent} whose signature does not fit its content. It was changed or damaged on the way; let the person sign in again.`
    case 'wrong_kind':
      return `${clientId} sent a token of the kind ${quote(fault.kind)} where ${one} belongs. The application puts the wrong token into the request; send the ${expected}.`
    case 'other_client':
      return `${sent} that was issued for ${quote(fault.clientId)}. Two applications share one session store, or one uses the other's credentials; give each its own.`
    case 'client_unknown':
      return `${sent} that was issued for ${quote(fault.clientId)}, which is no longer registered in the realm ${realmName}.`
    case 'client_disabled':
      return `${sent} that was issued for ${quote(fault.clientId)}, which is disabled in the realm ${realmName}. Enable the client, or remove the application.`
    case 'expired':
      return `${sent} that expired ${describeInstant(fault.expiredAt, at)}. Refresh it before it expires, and compare the clocks of both machines.`
    case 'not_before':
      return `${sent} that is older than the ${fault.level}'s not-before, which was set to ${describeInstant(fault.notBeforeAt, at).replace(/^(at|on) /, '')}. An administrator refused all older tokens; the person's next sign-in gets a good one.`
    case 'revoked':
      return `${sent} that was revoked. The application, the person or an administrator withdrew it; let the person sign in again.`
    case 'rotated':
      return `${sent} that was already replaced by a newer one and used again. Usually two requests refresh at once; otherwise the token was copied. All tokens of this sign-in are revoked at this application.`
    case 'session_ended':
      return `${sent} that belongs to a session that ${fault.end ? describeEnd(fault.end, at) : 'ended'}. Nothing is wrong with the application; the person signs in again.`
    case 'session_expired':
      return `${sent} that belongs to a session that reached its idle time or its greatest age. Nothing is wrong with the application; the person signs in again.`
    case 'account_disabled':
      return `${sent} of an account that is disabled or deleted.`
    case 'unknown':
      return `${sent} that this server made but of which nothing is stored any more. It is older than every record of an ended session; usually the application was restored from an old backup.`
    case 'key_not_proven':
      return `${sent} and ${proofSentences[fault.fault]}`
  }
}

/** The end of a sentence about the application. */
const proofSentences: Readonly<Record<ProofFault, string>> = {
  proof_missing:
    'no proof of the key that it is bound to. Send it as “Authorization: DPoP …” with a proof in the header DPoP.',
  proof_invalid:
    'a DPoP proof that cannot be read or whose signature does not fit. Sign it with ES256 or EdDSA, and put the public key into its header.',
  proof_of_another_key:
    'a DPoP proof by another key than the one that the token is bound to. The application made a new key pair after its sign-in, or the token was copied.',
  proof_of_another_request:
    'a DPoP proof for another method, address or token. Make a new proof for every request.',
  proof_too_old: 'a DPoP proof that was not made now. Compare the clocks of both machines.',
  proof_replayed: 'a DPoP proof a second time. Make a new proof for every request.',
  token_not_bound: 'called it bound to a key, which it is not. Send it as “Authorization: Bearer …”.',
}

/** A value that came from outside, bounded; the event line escapes it. */
function quote(value: string): string {
  return value.length > 120 ? `${value.slice(0, 120)}…` : value
}
