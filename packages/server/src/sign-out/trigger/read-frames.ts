/** The applications of a sign-out that only the browser can tell (OpenID Connect Front-Channel Logout 1.0 §2). */
import { compiledQuery } from '../../store/compiled-query.ts'
import type { Queryable } from '../../store/store.ts'
import { frameCountMax } from '../deliveries-for.ts'

export interface FrameTarget {
  readonly address: string
  readonly sid: string
  readonly issuer: string
}

/** The sign-out and its parts as one list: with an `or`, PostgreSQL would read every delivery that is stored. */
const select = compiledQuery(['signOutId'], (db, { signOutId }) =>
  db
    .selectFrom('delivery')
    .select(['address', 'sid', 'issuer'])
    .where('sign_out_id', 'in', (eb) =>
      eb
        .selectFrom('sign_out')
        .select('id')
        .where('id', '=', signOutId)
        .unionAll(eb.selectFrom('sign_out').select('id').where('parent_id', '=', signOutId)),
    )
    .where('channel', '=', 'oidc-front-channel')
    .where('generation', '=', 1)
    .where('state', '=', 'unconfirmed')
    .orderBy('id')
    .limit(frameCountMax),
)

/**
 * Of this sign-out and of its parts, where it was spread over many sessions. Not on the connection that all share:
 * whoever locks the outbox for maintenance would hold up every look at a session with it (F-26).
 */
export function readFrames({ db, dialect }: Queryable, signOutId: string): Promise<readonly FrameTarget[]> {
  return select({ db, dialect }, { signOutId })
}
