/** What the database knows of an access token: its session, its account, and whether it was revoked. */
import type { Kysely } from 'kysely'
import type { Account } from '../account/account.ts'
import { accountFromRow } from '../account/account-row.ts'
import type { Instant } from '../ambient/clock.ts'
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable } from '../store/store.ts'
import type { AccountTable, Tables } from '../store/tables.ts'
import { artifactHash } from './adapter/artifact-hash.ts'

export interface TokenRow {
  /** undefined for a service account, which has no session. */
  readonly session: TokenSession | undefined
  readonly account: Account
  readonly isRevoked: boolean
}

export interface TokenSession {
  readonly uid: string
  readonly sub: string
  readonly state: string
  readonly idleUntil: Instant
  readonly endsAt: Instant
  readonly clientSessionExpiresAt: Instant
  readonly clientSessionEndedAt: Instant | undefined
  /** Tokens issued until then are revoked (KV-01). */
  readonly revokedAt: Instant | undefined
}

const accountColumns = [
  'a.id',
  'a.realm_id',
  'a.username',
  'a.email',
  'a.email_verified',
  'a.first_name',
  'a.last_name',
  'a.enabled',
  'a.attributes',
  'a.representation',
  'a.not_before',
  'a.service_account_client_uuid',
  'a.created_at',
  'a.deleted_at',
] as const

const bySession = compiledQuery(['realmId', 'clientId', 'sid', 'revokedHash'], (db: Kysely<Tables>, value) =>
  db
    .selectFrom('client_session as c')
    .innerJoin('session as s', 's.uid', 'c.session_uid')
    .innerJoin('account as a', 'a.id', 's.account_id')
    .leftJoin('revoked_token as r', (join) => join.on('r.id_hash', '=', value.revokedHash))
    .where('c.sid', '=', value.sid)
    .where('c.client_id', '=', value.clientId)
    .where('c.realm_id', '=', value.realmId)
    .select([
      's.uid',
      's.state',
      's.idle_until',
      's.ends_at',
      'c.sub',
      'c.expires_at',
      'c.ended_at',
      'c.revoked_at',
      'r.id_hash as revoked_hash',
      ...accountColumns,
    ]),
)

const byService = compiledQuery(['realmId', 'clientUuid', 'revokedHash'], (db: Kysely<Tables>, value) =>
  db
    .selectFrom('account as a')
    .leftJoin('revoked_token as r', (join) => join.on('r.id_hash', '=', value.revokedHash))
    .where('a.service_account_client_uuid', '=', value.clientUuid)
    .where('a.realm_id', '=', value.realmId)
    .where('a.deleted_at', 'is', null)
    .select(['r.id_hash as revoked_hash', ...accountColumns]),
)

const byRefreshToken = compiledQuery(['realmId', 'idHash', 'kind'], (db: Kysely<Tables>, value) =>
  db
    .selectFrom('artifact as t')
    .innerJoin('account as a', 'a.id', 't.account_id')
    .leftJoin('session as s', 's.uid', 't.session_uid')
    .where('t.id_hash', '=', value.idHash)
    .where('t.realm_id', '=', value.realmId)
    .where('t.kind', '=', value.kind)
    .select([
      't.client_id',
      't.session_uid',
      't.is_offline',
      't.consumed_at',
      't.expires_at',
      's.state',
      's.idle_until',
      's.ends_at',
      ...accountColumns,
    ]),
)

/** By the client session that `sid` and `azp` name. */
export async function findTokenOfSession(
  on: Queryable,
  realmId: string,
  clientId: string,
  sid: string,
  revokedHash: string,
): Promise<TokenRow | undefined> {
  const [row] = await bySession(on, { realmId, clientId, sid, revokedHash })
  if (!row) return undefined
  const session = {
    uid: row.uid,
    sub: row.sub,
    state: row.state,
    idleUntil: row.idle_until,
    endsAt: row.ends_at,
    clientSessionExpiresAt: row.expires_at,
    clientSessionEndedAt: row.ended_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  }
  return { session, account: accountFrom(row), isRevoked: row.revoked_hash !== null }
}

/** By the client whose own account it is (client credentials grant). */
export async function findTokenOfService(
  on: Queryable,
  realmId: string,
  clientUuid: string,
  revokedHash: string,
): Promise<TokenRow | undefined> {
  const [row] = await byService(on, { realmId, clientUuid, revokedHash })
  return row && { session: undefined, account: accountFrom(row), isRevoked: row.revoked_hash !== null }
}

/** A stored refresh token with its account and its session, which may be gone. */
export interface RefreshTokenRow {
  readonly clientId: string | undefined
  readonly isOffline: boolean
  readonly consumedAt: Instant | undefined
  readonly expiresAt: Instant | undefined
  readonly account: Account
  readonly session: Pick<TokenSession, 'uid' | 'state' | 'idleUntil' | 'endsAt'> | undefined
}

export async function findTokenOfRefresh(
  on: Queryable,
  realmId: string,
  jti: string,
): Promise<RefreshTokenRow | undefined> {
  const kind = 'RefreshToken'
  const [row] = await byRefreshToken(on, { realmId, idHash: artifactHash(kind, jti), kind })
  if (!row) return undefined
  const { session_uid: uid, state, idle_until: idleUntil, ends_at: endsAt } = row
  const hasSession = uid !== null && state !== null && idleUntil !== null && endsAt !== null
  return {
    clientId: row.client_id ?? undefined,
    isOffline: row.is_offline === 1,
    consumedAt: row.consumed_at ?? undefined,
    expiresAt: row.expires_at ?? undefined,
    account: accountFrom(row),
    session: hasSession ? { uid, state, idleUntil, endsAt } : undefined,
  }
}

/** True while an offline grant of this client, begun in this session, is there. */
export async function findOfflineGrant(
  on: Queryable,
  sessionUid: string,
  clientId: string,
  at: Instant,
): Promise<boolean> {
  const row = await on.db
    .selectFrom('artifact')
    .select('id_hash')
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
    .where('kind', '=', 'RefreshToken')
    .where('is_offline', '=', 1)
    .where('consumed_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Roles and groups stay out: most answers do not need them. */
function accountFrom(row: AccountTable): Account {
  return accountFromRow({ ...row, role_ids: null, group_ids: null })
}
