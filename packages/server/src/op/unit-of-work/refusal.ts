/** Why a commit was not made: found under the lock, so it is true, and nothing was written. */
import { Unmet } from '../../store/compiled-query.ts'

const reasons = [
  'session_ended',
  'session_expired',
  'account_disabled',
  /** A code or refresh token that another request used at the same moment: a race, not a replay. */
  'already_used',
  'grant_gone',
  /** Another request gave this application another `sid` in this session: run again and carry that one. */
  'other_client_session',
] as const

type Reason = (typeof reasons)[number]

export interface Refusal {
  readonly reason: Reason
}

/** Rolls the transaction back; never leaves `commit`. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(reason: Reason) {
    super(reason)
    this.name = 'Refused'
    this.refusal = { reason }
  }
}

/** undefined for an error that is no refusal. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refused) return error.refusal
  const reason = error instanceof Unmet ? reasons.find((one) => one === error.demand) : undefined
  return reason && { reason }
}
