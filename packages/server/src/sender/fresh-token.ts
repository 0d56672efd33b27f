/**
 * The token of one try, signed again when it has grown old before it could leave: the database, the queue of
 * signatures or the connection took long, and `iat` is the time of sending (I8).
 */
import assert from 'node:assert/strict'
import type { Clock, Instant } from '../ambient/clock.ts'
import type { LateBody } from './outbound-http.ts'
import type { Evidence } from './sender.ts'

export interface SignedToken {
  readonly token: string
  readonly evidence: Evidence
}

export interface FreshToken extends LateBody {
  /** Of the one that was signed last: nothing else has left. */
  readonly evidence: Evidence
}

/** Of the 2 s that I8 allows one is for the whole seconds of a NumericDate, and half a one for the machine's clock. */
const ageMsMax = 500

/** `bodyOf` puts the token into the body of the request; `sign` makes one of the same length each time. */
export async function createFreshToken(
  clock: Clock,
  sign: (at: Instant) => Promise<SignedToken>,
  bodyOf: (token: string) => string,
  at: Instant,
): Promise<FreshToken> {
  let signed = await sign(at)
  let signedAt = at
  const byteCount = Buffer.byteLength(bodyOf(signed.token))
  return {
    byteCount,
    get evidence() {
      return signed.evidence
    },
    async read() {
      if (clock.now() - signedAt > ageMsMax) {
        signedAt = clock.now()
        signed = await sign(signedAt)
      }
      const body = bodyOf(signed.token)
      assert(Buffer.byteLength(body) === byteCount, 'a token of the same claims is as long as the one before')
      return body
    },
  }
}
