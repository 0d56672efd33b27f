/** Why a commit was not made: found under the lock, so it is true, and nothing was written. */

export type Refusal =
  | { readonly reason: 'session_ended' }
  | { readonly reason: 'session_expired' }
  | { readonly reason: 'account_disabled' }
  /** A code or refresh token that another request used at the same moment: a race, not a replay. */
  | { readonly reason: 'already_used' }
  | { readonly reason: 'grant_gone' }
  /** Another request gave this application another `sid` in this session: run again and carry that one. */
  | { readonly reason: 'other_client_session' }

/** Rolls the transaction back; never leaves `commit`. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(reason: Refusal['reason']) {
    super(reason)
    this.name = 'Refused'
    this.refusal = { reason }
  }
}
