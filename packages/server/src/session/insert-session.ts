/** Begins a session. The uid is never reused: a second session of the same uid is a fault, not an update. */
import type { Tx } from '../store/store.ts'
import { hashCookie } from './cookie-hash.ts'
import type { Session } from './session.ts'

export interface NewSession extends Omit<Session, 'state' | 'endedAt' | 'signOutId'> {
  /** The cookie's value; stored hashed. */
  readonly cookieValue: string
}

export async function insertSession(tx: Tx, session: NewSession): Promise<void> {
  await tx.db
    .insertInto('session')
    .values({
      uid: session.uid,
      realm_id: session.realmId,
      account_id: session.accountId,
      cookie_hash: hashCookie(session.cookieValue),
      state: 'active',
      created_at: session.createdAt,
      last_active_at: session.lastActiveAt,
      idle_until: session.idleUntil,
      ends_at: session.endsAt,
      ended_at: null,
      sign_out_id: null,
      remember_me: session.rememberMe ? 1 : 0,
      ip_address: session.ipAddress ?? null,
      user_agent: session.userAgent?.slice(0, 500) ?? null,
      payload: session.payload,
    })
    .execute()
}
