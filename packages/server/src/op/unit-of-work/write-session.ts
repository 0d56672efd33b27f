/** Writes what the request did to the session: begins it, rotates its cookie, slides its idle time, adds the application. */
import assert from 'node:assert/strict'
import type { Instant } from '../../ambient/clock.ts'
import { addAdapterSession } from '../../session/add-adapter-session.ts'
import { extendClientSession } from '../../session/extend-client-session.ts'
import { insertClientSession } from '../../session/insert-client-session.ts'
import { insertSession } from '../../session/insert-session.ts'
import { markAnswered } from '../../session/mark-answered.ts'
import { updateSession } from '../../session/update-session.ts'
import { closeApplication } from '../../sign-out/close-application.ts'
import { demandedStatement } from '../../store/compiled-query.ts'
import type { Tx } from '../../store/store.ts'
import { newDerivedGrantId } from '../derived-grant.ts'
import { clientSessionExpiresAt, clientSessionIdleSeconds, idleUntil, sessionLifetime } from '../lifetime.ts'
import { subjectFor } from '../mapper/subject.ts'
import type { CommitDeps, DerivedFrom } from './commit.ts'
import type { Refusal } from './refusal.ts'
import { isSessionChanged, isTouchDue, smallPayload } from './session-change.ts'
import type { KnownMember, KnownSession, SavedSession, UnitOfWork } from './unit-of-work.ts'

export interface SessionWriting extends DerivedFrom {
  /** Under its lock; undefined for one that begins now, and where none is involved. */
  readonly locked: KnownSession | undefined
}

export async function writeSession(
  deps: CommitDeps,
  tx: Tx,
  work: UnitOfWork,
  from: SessionWriting,
  at: Instant,
): Promise<void> {
  const { locked } = from
  const saved = work.savedSession
  const session =
    locked ?? (saved && !work.loaded.has(saved.payload.uid) ? await begin(tx, work, saved, at) : undefined)
  if (locked) await change(tx, work, locked, at)
  if (session && saved?.payload.uid === session.uid)
    await joinApplications(deps, tx, work, session, saved, at)
  if (session && from.givesTokens) await answer(tx, work, session, from.kind, at)
}

/** A sign-in. The times are the row's own from here on; the engine's `exp` is not used again. */
async function begin(
  tx: Tx,
  work: UnitOfWork,
  { cookieValue, payload }: SavedSession,
  at: Instant,
): Promise<KnownSession> {
  const rememberMe = payload['transient'] !== true
  const endsAt = at + sessionLifetime(work.realm.settings, rememberMe).maxSeconds * 1000
  const session = {
    uid: payload.uid,
    realmId: work.realm.id,
    accountId: String(payload['accountId']),
    createdAt: at,
    lastActiveAt: at,
    idleUntil: idleUntil(work.realm.settings, { rememberMe, endsAt }, at),
    endsAt,
    rememberMe,
    ipAddress: work.source.ipAddress,
    userAgent: work.source.userAgent,
    payload: smallPayload(payload),
  }
  tx.withCommit(insertSession(tx, { ...session, cookieValue }))
  return { ...session, state: 'active' }
}

/**
 * An application that the request found in the session and whose `sid` it carries on: it was read before the
 * lock. Signed out of alone since then, it begins anew, and what was issued for it is dropped.
 */
export function demandMembers(tx: Tx, work: UnitOfWork, sessionUid: string | undefined): void {
  if (sessionUid === undefined || work.savedSession?.payload.uid !== sessionUid) return
  const known = work.loaded.get(sessionUid)?.clientSessions
  if (!known) return
  for (const [clientId, { sid }] of Object.entries(authorizationsOf(work.savedSession))) {
    if (sid === undefined || known.get(clientId)?.sid !== sid) continue
    tx.withCommit(demandMember(tx, { sid, realmId: work.realm.id }))
  }
}

const demandMember = demandedStatement(
  'other_client_session' satisfies Refusal['reason'],
  { sid: '', realmId: '' },
  (db, value) =>
    db
      .selectFrom('client_session')
      .select('sid')
      .where('sid', '=', value.sid)
      .where('realm_id', '=', value.realmId)
      .where('ended_at', 'is', null),
)

async function change(tx: Tx, work: UnitOfWork, session: KnownSession, at: Instant): Promise<void> {
  const saved = work.savedSession
  const isChanged = isSessionChanged(work, session)
  // another person's sign-in begins another session: the sign-in page ends this one first (engine.md §9)
  if (saved?.payload.uid === session.uid) assert.equal(saved.payload['accountId'], session.accountId)
  if (!isChanged && !isTouchDue(session, at)) return
  const updated = updateSession(tx, session.uid, {
    ...(isChanged && saved ? { cookieValue: saved.cookieValue, payload: smallPayload(saved.payload) } : {}),
    lastActiveAt: at,
    idleUntil: idleUntil(work.realm.settings, session, at),
  })
  tx.withCommit(updated)
}

type Authorization = { readonly sid?: string; readonly grantId?: string }

function authorizationsOf({ payload }: SavedSession): Readonly<Record<string, Authorization>> {
  return (payload['authorizations'] ?? {}) as Record<string, Authorization>
}

/** Adds the applications that the engine's map has and the rows lack; a row is never removed here (engine.md §6). */
async function joinApplications(
  deps: CommitDeps,
  tx: Tx,
  work: UnitOfWork,
  session: KnownSession,
  saved: SavedSession,
  at: Instant,
): Promise<void> {
  const known = work.loaded.get(session.uid)?.clientSessions
  for (const [clientId, { sid, grantId }] of Object.entries(authorizationsOf(saved))) {
    const member = known?.get(clientId)
    if (sid === undefined) continue
    if (member?.sid === sid) continue
    // KW-23: the client session's own time is over; it is told, and the application begins another one
    if (member) await closeExpired(deps, tx, work, member, at)
    // an offline grant belongs to its tokens; the client session has one of its own, for what is asked for later
    const isOffline = grantId !== undefined && work.offlineGrants.has(grantId)
    const own = isOffline ? newDerivedGrantId(deps.random) : grantId
    join(tx, work, session, { clientId, sid, grantId: own }, at)
  }
}

function join(
  tx: Tx,
  work: UnitOfWork,
  session: KnownSession,
  added: { readonly clientId: string; readonly sid: string; readonly grantId: string | undefined },
  at: Instant,
): void {
  const { realm } = work
  const client = realm.clients.get(added.clientId)
  if (!client) return
  const times = { sessionEndsAt: session.endsAt, startedAt: at }
  const inserted = insertClientSession(tx, {
    ...added,
    sessionUid: session.uid,
    realmId: realm.id,
    protocol: 'openid-connect',
    sub: subjectFor(realm, client, session.accountId),
    issuer: realm.issuer,
    nameId: undefined,
    sessionIndex: undefined,
    startedAt: at,
    lastActiveAt: at,
    answeredAt: at,
    expiresAt: clientSessionExpiresAt(realm, client, times, at),
  })
  tx.withCommit(inserted)
}

async function closeExpired(
  deps: CommitDeps,
  tx: Tx,
  work: UnitOfWork,
  member: KnownMember,
  at: Instant,
): Promise<void> {
  const scope = { kind: 'application', sessionUid: member.sessionUid, clientId: member.clientId } as const
  const command = {
    realmId: work.realm.id,
    scope,
    kind: 'ordinary',
    cause: 'session_idle',
    initiator: 'expiry',
    actor: {},
  } as const
  await closeApplication({ ...deps, realm: work.realm, gate: deps.ambient.gate }, tx, command, scope, at)
}

/** SR-19: the first notice waits until the application has stored its session. */
async function answer(
  tx: Tx,
  work: UnitOfWork,
  session: KnownSession,
  kind: DerivedFrom['kind'],
  at: Instant,
): Promise<void> {
  const { clientId, adapterSession, realm } = work
  const client = clientId === undefined ? undefined : realm.clients.get(clientId)
  if (!client) return
  const key = { sessionUid: session.uid, clientId: client.clientId }
  if (kind === 'exchange') {
    const { id, host } = adapterSession ?? {}
    if (id) await addAdapterSession(tx, { ...key, id })
    tx.withCommit(markAnswered(tx, { ...key, ...(host ? { adapterSessionHost: host } : {}) }, at))
  }
  const member = work.loaded.get(session.uid)?.clientSessions.get(client.clientId)
  if (member && clientSessionIdleSeconds(realm, client) > 0) {
    const times = { sessionEndsAt: session.endsAt, startedAt: member.startedAt }
    tx.withCommit(extendClientSession(tx, key, clientSessionExpiresAt(realm, client, times, at)))
  }
}
