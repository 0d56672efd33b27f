/**
 * Changes an active session: a new cookie value (at every sign-in and resume), another payload, or the sliding
 * of its idle time. Needs the lock `for no key update`.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'
import { hashCookie } from './cookie-hash.ts'

export interface SessionUpdate {
  readonly cookieValue?: string
  readonly payload?: string
  readonly accountId?: string
  readonly idleUntil?: Instant
  readonly lastActiveAt?: Instant
}

/** @returns false when the session is not active any more: nothing was changed */
export async function updateSession(tx: Tx, sessionUid: string, update: SessionUpdate): Promise<boolean> {
  const { numUpdatedRows } = await tx.db
    .updateTable('session')
    .set({
      ...(update.cookieValue !== undefined ? { cookie_hash: hashCookie(update.cookieValue) } : {}),
      ...(update.payload !== undefined ? { payload: update.payload } : {}),
      ...(update.accountId !== undefined ? { account_id: update.accountId } : {}),
      ...(update.idleUntil !== undefined ? { idle_until: update.idleUntil } : {}),
      ...(update.lastActiveAt !== undefined ? { last_active_at: update.lastActiveAt } : {}),
    })
    .where('uid', '=', sessionUid)
    .where('state', '=', 'active')
    .executeTakeFirst()
  return numUpdatedRows === 1n
}
