/** The applications of a sign-out that only the browser can tell (OpenID Connect Front-Channel Logout 1.0 §2). */
import type { Queryable } from '../../store/store.ts'

export interface FrameTarget {
  readonly address: string
  readonly sid: string
  readonly issuer: string
}

/** Frames in one page; each costs the browser a document. */
export const frameCountMax = 50

/** Of this sign-out and of its parts, where it was spread over many sessions. */
export async function readFrames(on: Queryable, signOutId: string): Promise<readonly FrameTarget[]> {
  const rows = await on.db
    .selectFrom('delivery')
    .select(['address', 'sid', 'issuer'])
    .where('channel', '=', 'oidc-front-channel')
    .where('generation', '=', 1)
    .where((eb) =>
      eb.or([
        eb('sign_out_id', '=', signOutId),
        eb('sign_out_id', 'in', eb.selectFrom('sign_out').select('id').where('parent_id', '=', signOutId)),
      ]),
    )
    .orderBy('id')
    .limit(frameCountMax)
    .execute()
  return rows
}
