/** Which session an administrator means: by its id, or by the `sid` of any application in it (KQ-01). */
import { findClientSessionBySid } from '../session/find-client-session-by-sid.ts'
import { readSession } from '../session/read-session.ts'
import type { Session } from '../session/session.ts'
import type { Queryable } from '../store/store.ts'

/** The session whatever its state, if it is of this realm. */
export async function findSession(on: Queryable, realmId: string, id: string): Promise<Session | undefined> {
  const byUid = await readSession(on, id)
  if (byUid) return byUid.realmId === realmId ? byUid : undefined
  const member = await findClientSessionBySid(on, realmId, id)
  return member && readSession(on, member.sessionUid)
}
