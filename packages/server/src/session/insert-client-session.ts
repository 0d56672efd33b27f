/**
 * Adds an application to a session, merged by key: a row that is there stays, because two authorizations at the
 * same moment both believe that they are the first (engine.md §6). Only the row of an application that was
 * signed out of alone and comes back is replaced; its new `sid` is a new one, and what its adapter named before stays
 * until that is told. Needs a lock on the session (I12).
 */
import { demandedStatement } from '../store/compiled-query.ts'
import type { Tx } from '../store/store.ts'
import type { ClientSession } from './session.ts'

export type NewClientSession = Omit<
  ClientSession,
  'endedAt' | 'revokedAt' | 'adapterSessions' | 'adapterSessionHost'
>

/**
 * @throws Unmet `other_client_session` when the application was in the session already: the row of the winner stands
 */
export async function insertClientSession(tx: Tx, added: NewClientSession): Promise<void> {
  await insert(tx, {
    sessionUid: added.sessionUid,
    clientId: added.clientId,
    realmId: added.realmId,
    sid: added.sid,
    protocol: added.protocol,
    grantId: added.grantId ?? null,
    sub: added.sub,
    issuer: added.issuer,
    nameId: added.nameId ?? null,
    sessionIndex: added.sessionIndex ?? null,
    startedAt: added.startedAt,
    lastActiveAt: added.lastActiveAt,
    answeredAt: added.answeredAt,
    expiresAt: added.expiresAt,
  })
}

const example = {
  sessionUid: '',
  clientId: '',
  realmId: '',
  sid: '',
  protocol: '',
  grantId: null as string | null,
  sub: '',
  issuer: '',
  nameId: null as string | null,
  sessionIndex: null as string | null,
  startedAt: 0,
  lastActiveAt: 0,
  answeredAt: 0,
  expiresAt: 0,
}

const insert = demandedStatement('other_client_session', example, (db, value) => {
  const replacement = {
    realm_id: value.realmId,
    sid: value.sid,
    protocol: value.protocol,
    grant_id: value.grantId,
    sub: value.sub,
    issuer: value.issuer,
    name_id: value.nameId,
    session_index: value.sessionIndex,
    started_at: value.startedAt,
    last_active_at: value.lastActiveAt,
    answered_at: value.answeredAt,
    expires_at: value.expiresAt,
    ended_at: null,
    revoked_at: null,
  }
  return db
    .insertInto('client_session')
    .values({ session_uid: value.sessionUid, client_id: value.clientId, ...replacement })
    .onConflict((conflict) =>
      conflict
        .columns(['session_uid', 'client_id'])
        .doUpdateSet(replacement)
        .where('client_session.ended_at', 'is not', null),
    )
})
