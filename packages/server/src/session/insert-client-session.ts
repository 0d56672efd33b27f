/**
 * Adds an application to a session, merged by key: a row that is there stays, because two authorizations at the
 * same moment both believe that they are the first (engine.md §6). Only the row of an application that was
 * signed out of alone and comes back is replaced; its new `sid` is a new one. Needs a lock on the session (I12).
 */
import type { Tx } from '../store/store.ts'
import type { ClientSession } from './session.ts'

export type NewClientSession = Omit<ClientSession, 'endedAt' | 'revokedAt'>

/** @returns false when the application was in the session already: the row of the winner stands */
export async function insertClientSession(tx: Tx, added: NewClientSession): Promise<boolean> {
  const row = {
    session_uid: added.sessionUid,
    client_id: added.clientId,
    realm_id: added.realmId,
    sid: added.sid,
    protocol: added.protocol,
    grant_id: added.grantId ?? null,
    sub: added.sub,
    issuer: added.issuer,
    adapter_session_id: added.adapterSessionId ?? null,
    adapter_session_host: added.adapterSessionHost ?? null,
    name_id: added.nameId ?? null,
    session_index: added.sessionIndex ?? null,
    started_at: added.startedAt,
    last_active_at: added.lastActiveAt,
    answered_at: added.answeredAt,
    expires_at: added.expiresAt,
    ended_at: null,
    revoked_at: null,
  }
  const { session_uid: _, client_id: __, ...replacement } = row
  const { numInsertedOrUpdatedRows } = await tx.db
    .insertInto('client_session')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['session_uid', 'client_id'])
        .doUpdateSet(replacement)
        .where('client_session.ended_at', 'is not', null),
    )
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}
