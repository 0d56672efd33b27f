/** Writes the engine's artifacts: consumed ones first, because only the first of two requests may go on. */
import type { Kysely } from 'kysely'
import type { Instant } from '../../ambient/clock.ts'
import { lockSession } from '../../session/lock-session.ts'
import { compiledStatement, demandedStatement } from '../../store/compiled-query.ts'
import type { Tx } from '../../store/store.ts'
import type { Tables } from '../../store/tables.ts'
import { userCodeHash } from '../adapter/artifact-adapter.ts'
import { artifactHash } from '../adapter/artifact-hash.ts'
import { isDerivedGrantId } from '../derived-grant.ts'
import { revokeApplicationTokens } from '../revoke-tokens.ts'
import type { Refusal } from './refusal.ts'
import { sessionTouchIntervalSeconds } from './session-change.ts'
import type { PendingArtifact, UnitOfWork } from './unit-of-work.ts'

/** A code or token that somebody else consumed since it was read: this request has lost (R2, R3). */
export function consumeArtifacts(tx: Tx, work: UnitOfWork, at: Instant): void {
  for (const artifact of work.artifacts.values()) {
    if (isConsumedNow(artifact)) tx.withCommit(consume(tx, { idHash: artifact.idHash, at }))
  }
}

const alreadyUsed: Refusal['reason'] = 'already_used'

const consume = demandedStatement(alreadyUsed, { idHash: '', at: 0 }, (db, value) =>
  db
    .updateTable('artifact')
    .set({ consumed_at: value.at })
    .where('id_hash', '=', value.idHash)
    .where('consumed_at', 'is', null),
)

/**
 * A refresh without rotation writes nothing, so the token is looked at again under the lock: it may have been
 * revoked since it was read.
 */
export function demandKeptToken(tx: Tx, idHash: string | undefined): void {
  if (idHash !== undefined) tx.withCommit(demandUnused(tx, { idHash }))
}

const demandUnused = demandedStatement(alreadyUsed, { idHash: '' }, (db, value) =>
  db
    .selectFrom('artifact')
    .select('id_hash')
    .where('id_hash', '=', value.idHash)
    .where('consumed_at', 'is', null),
)

/**
 * KW-05: an offline grant that is used rests anew, and with it the token that is kept. In steps, as the idle time of
 * a session: a write for each refresh would cost more than the refresh.
 */
export function extendOfflineGrant(
  tx: Tx,
  work: UnitOfWork,
  of: { readonly offlineGrantId: string | undefined; readonly keptTokenHash: string | undefined },
  at: Instant,
): void {
  const { offlineGrantId, keptTokenHash } = of
  const token = keptTokenHash === undefined ? undefined : work.artifacts.get(keptTokenHash)
  if (offlineGrantId === undefined || token?.expiresAt === undefined) return
  const expiresAt = at + work.realm.settings.offlineSessionIdleSeconds * 1000
  if (expiresAt - token.expiresAt < sessionTouchIntervalSeconds * 1000) return
  const grantHash = artifactHash('Grant', offlineGrantId)
  tx.withCommit(extend(tx, { grantHash, tokenHash: token.idHash, expiresAt }))
}

const extend = compiledStatement({ grantHash: '', tokenHash: '', expiresAt: 0 }, (db, value) =>
  db
    .updateTable('artifact')
    .set({ expires_at: value.expiresAt })
    .where('id_hash', 'in', [value.grantHash, value.tokenHash])
    .where('expires_at', 'is not', null),
)

export async function writeArtifacts(tx: Tx, work: UnitOfWork, at: Instant): Promise<void> {
  for (const artifact of work.artifacts.values()) {
    if (!artifact.isWritten || isConsumedNow(artifact)) continue
    tx.withCommit(artifact.isDestroyed ? remove(tx, artifact) : put(tx, work, artifact, at))
  }
  for (const { kind, grantId } of work.revocations.values()) {
    if (isDerivedGrantId(grantId) && kind === 'Grant') await revokeDerived(tx, work, grantId, at)
    else await removeOfGrant(tx, work, kind, grantId)
  }
}

/** Consumed by this request, not read as consumed, and not made by it. */
function isConsumedNow({ isConsumed, isWritten, isDestroyed, payload, isNew }: PendingArtifact): boolean {
  return isConsumed && isWritten && !isDestroyed && !isNew && payload['consumed'] === undefined
}

async function put(tx: Tx, work: UnitOfWork, artifact: PendingArtifact, at: Instant): Promise<void> {
  const { payload, kind } = artifact
  const offlineSessionUid = kind === 'Grant' ? work.offlineGrants.get(String(payload['grantId'])) : undefined
  const isOfflineGrant = kind === 'Grant' && work.offlineGrants.has(String(payload['grantId']))
  const expiresAt = isOfflineGrant
    ? at + work.realm.settings.offlineSessionIdleSeconds * 1000
    : (artifact.expiresAt ?? null)
  const row = {
    idHash: artifact.idHash,
    realmId: work.realm.id,
    kind,
    sessionUid: textOf(payload['sessionUid']) ?? offlineSessionUid ?? null,
    clientId: textOf(payload['clientId']) ?? null,
    accountId: textOf(payload['accountId']) ?? null,
    grantId: textOf(payload['grantId']) ?? null,
    userCodeHash: payload['userCode'] === undefined ? null : userCodeHash(String(payload['userCode'])),
    isOffline: isOfflineGrant || isOfflineToken(artifact) ? 1 : 0,
    payload: JSON.stringify(payload),
    createdAt: at,
    consumedAt: artifact.isConsumed ? at : null,
    expiresAt,
  }
  // codes and tokens have fresh random ids; an interaction is saved again with its result
  const isFresh = kind === 'AuthorizationCode' || kind === 'RefreshToken'
  await (isFresh ? insert : upsert)(tx, row)
}

const example = {
  idHash: '',
  realmId: '',
  kind: '',
  sessionUid: null as string | null,
  clientId: null as string | null,
  accountId: null as string | null,
  grantId: null as string | null,
  userCodeHash: null as string | null,
  isOffline: 0,
  payload: '',
  createdAt: 0,
  consumedAt: null as number | null,
  expiresAt: null as number | null,
}

function insertInto(db: Kysely<Tables>, value: typeof example) {
  return db.insertInto('artifact').values({
    id_hash: value.idHash,
    realm_id: value.realmId,
    kind: value.kind,
    session_uid: value.sessionUid,
    client_id: value.clientId,
    account_id: value.accountId,
    grant_id: value.grantId,
    user_code_hash: value.userCodeHash,
    uid: null,
    is_offline: value.isOffline,
    payload: value.payload,
    created_at: value.createdAt,
    consumed_at: value.consumedAt,
    expires_at: value.expiresAt,
  })
}

const insert = compiledStatement(example, insertInto)

const upsert = compiledStatement(example, (db, value) =>
  insertInto(db, value).onConflict((conflict) =>
    conflict.column('id_hash').doUpdateSet({ payload: value.payload, expires_at: value.expiresAt }),
  ),
)

/** A code is never offline: one that was not exchanged before the sign-out is dead (THR-08). */
function isOfflineToken({ kind, payload }: PendingArtifact): boolean {
  return kind === 'RefreshToken' && payload['expiresWithSession'] !== true
}

async function remove(tx: Tx, { idHash }: PendingArtifact): Promise<void> {
  await tx.db.deleteFrom('artifact').where('id_hash', '=', idHash).execute()
}

/** The replay of a code or token ends its whole family (RFC 9700 §4.14.2). */
async function removeOfGrant(tx: Tx, work: UnitOfWork, kind: string, grantId: string): Promise<void> {
  await tx.db
    .deleteFrom('artifact')
    .where('grant_id', '=', grantId)
    .where('kind', '=', kind)
    .where('realm_id', '=', work.realm.id)
    .execute()
}

/** A derived grant is a client session's: what it gave is taken back as by the revocation endpoint (KV-01). */
async function revokeDerived(tx: Tx, work: UnitOfWork, grantId: string, at: Instant): Promise<void> {
  for (const { session, clientSessions } of work.loaded.values()) {
    for (const member of clientSessions.values()) {
      if (member.grantId !== grantId) continue
      await lockSession(tx, session.uid, 'for no key update')
      await revokeApplicationTokens(tx, session.uid, member.clientId, at)
    }
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
