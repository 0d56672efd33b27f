/**
 * The session: one sign-in on one device, and the applications that were opened in it.
 *
 * Terms
 * - session uid: the stable id, primary key, never reused.
 * - client session: one application in one session, with its `sid` (the value that this application knows).
 *   @see OpenID Connect Back-Channel Logout 1.0 §2.3 ("logged-in RP")
 * - ended: the door is closed. The row stays as a tombstone until everything derived from it has expired (SR-08).
 *
 * Invariants
 * - I1: nothing is derived from a session that is not active and inside its times.
 * - I12: a client session is committed under a lock on its session row, so a sign-out either tells it or
 *   refuses it.
 * - Only `signOut` sets a session to ended.
 */

import type { Selectable } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { ClientSessionTable, SessionTable } from '../store/tables.ts'

export interface Session {
  readonly uid: string
  readonly realmId: string
  readonly accountId: string
  readonly state: 'active' | 'ended'
  readonly createdAt: Instant
  readonly lastActiveAt: Instant
  readonly idleUntil: Instant
  readonly endsAt: Instant
  readonly endedAt: Instant | undefined
  readonly signOutId: string | undefined
  readonly rememberMe: boolean
  readonly ipAddress: string | undefined
  readonly userAgent: string | undefined
  /** The engine's payload as JSON text. */
  readonly payload: string
}

export interface ClientSession {
  readonly sessionUid: string
  readonly clientId: string
  readonly realmId: string
  readonly sid: string
  readonly protocol: string
  readonly grantId: string | undefined
  readonly sub: string
  readonly issuer: string
  /** Read by `adapter-sessions.ts`. */
  readonly adapterSessions: string | undefined
  readonly adapterSessionHost: string | undefined
  readonly nameId: string | undefined
  readonly sessionIndex: string | undefined
  readonly startedAt: Instant
  readonly lastActiveAt: Instant
  readonly answeredAt: Instant
  readonly expiresAt: Instant
  readonly endedAt: Instant | undefined
  readonly revokedAt: Instant | undefined
}

/** True while something may still be derived from the session at `at` (T−1 s works, T does not: KW-21). */
export function isAlive(session: Pick<Session, 'state' | 'idleUntil' | 'endsAt'>, at: Instant): boolean {
  return session.state === 'active' && at < session.idleUntil && at < session.endsAt
}

export function sessionFromRow(row: Selectable<SessionTable>): Session {
  return {
    uid: row.uid,
    realmId: row.realm_id,
    accountId: row.account_id,
    // R25: a state that only a newer version knows opens no door
    state: row.state === 'active' ? 'active' : 'ended',
    createdAt: row.created_at,
    lastActiveAt: row.last_active_at,
    idleUntil: row.idle_until,
    endsAt: row.ends_at,
    endedAt: row.ended_at ?? undefined,
    signOutId: row.sign_out_id ?? undefined,
    rememberMe: row.remember_me === 1,
    ipAddress: row.ip_address ?? undefined,
    userAgent: row.user_agent ?? undefined,
    payload: row.payload,
  }
}

export function clientSessionFromRow(row: Selectable<ClientSessionTable>): ClientSession {
  return {
    sessionUid: row.session_uid,
    clientId: row.client_id,
    realmId: row.realm_id,
    sid: row.sid,
    protocol: row.protocol,
    grantId: row.grant_id ?? undefined,
    sub: row.sub,
    issuer: row.issuer,
    adapterSessions: row.adapter_session_id ?? undefined,
    adapterSessionHost: row.adapter_session_host ?? undefined,
    nameId: row.name_id ?? undefined,
    sessionIndex: row.session_index ?? undefined,
    startedAt: row.started_at,
    lastActiveAt: row.last_active_at,
    answeredAt: row.answered_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  }
}
