/** A session with its account's state and the client sessions that the request needs, in one query. */
import type { Kysely } from 'kysely'
import type { ClientSession, Session } from '../../session/session.ts'
import type { Queryable } from '../../store/store.ts'
import type { Tables } from '../../store/tables.ts'
import { compiledQuery } from '../compiled-query.ts'
import type { LoadedSession } from '../unit-of-work/unit-of-work.ts'

const columns = [
  's.uid',
  's.account_id',
  's.state',
  's.created_at',
  's.last_active_at',
  's.idle_until',
  's.ends_at',
  's.ended_at',
  's.sign_out_id',
  's.remember_me',
  's.ip_address',
  's.user_agent',
  's.payload',
  'a.enabled',
  'a.deleted_at',
  'c.client_id',
  'c.sid',
  'c.protocol',
  'c.grant_id',
  'c.sub',
  'c.issuer',
  'c.started_at',
  'c.last_active_at as member_active_at',
  'c.answered_at',
  'c.expires_at',
  'c.revoked_at',
] as const

type Key = 's.cookie_hash' | 's.uid'
type Names = 'realmId' | 'key' | 'clientId'

function select(db: Kysely<Tables>, column: Key, value: Readonly<Record<Names, string>>) {
  return db
    .selectFrom('session as s')
    .leftJoin('account as a', 'a.id', 's.account_id')
    .where(column, '=', value.key)
    .where('s.realm_id', '=', value.realmId)
}

/** With the client session of one application: the usual case, whatever the number of applications. */
const forOne = (column: Key) =>
  compiledQuery(['realmId', 'key', 'clientId'], (db, value) =>
    select(db, column, value)
      .leftJoin('client_session as c', (join) =>
        join
          .onRef('c.session_uid', '=', 's.uid')
          .on('c.client_id', '=', value.clientId)
          .on('c.ended_at', 'is', null),
      )
      .select(columns),
  )

/** With every application, when it is not known yet which one asks. */
const forAll = (column: Key) =>
  compiledQuery(['realmId', 'key', 'clientId'], (db, value) =>
    select(db, column, value)
      .leftJoin('client_session as c', (join) =>
        join.onRef('c.session_uid', '=', 's.uid').on('c.ended_at', 'is', null),
      )
      .select(columns),
  )

const queries = {
  's.cookie_hash': { one: forOne('s.cookie_hash'), all: forAll('s.cookie_hash') },
  's.uid': { one: forOne('s.uid'), all: forAll('s.uid') },
} as const

/** Whatever its state: the caller judges it. */
export async function readLoadedSession(
  on: Queryable,
  realmId: string,
  by: { readonly column: Key; readonly key: string },
  clientId: string | undefined,
): Promise<LoadedSession | undefined> {
  const query = clientId === undefined ? queries[by.column].all : queries[by.column].one
  const rows = await query(on, { realmId, key: by.key, clientId: clientId ?? '' })
  const [first] = rows
  if (!first) return undefined
  const clientSessions = new Map<string, ClientSession>()
  for (const row of rows) {
    const member = memberFrom(realmId, row)
    if (member) clientSessions.set(member.clientId, member)
  }
  return {
    session: sessionFrom(realmId, first),
    isAccountEnabled: first.enabled === 1 && first.deleted_at === null,
    clientSessions,
  }
}

type Row = Awaited<ReturnType<(typeof queries)['s.uid']['one']>>[number]

function sessionFrom(realmId: string, row: Row): Session {
  return {
    uid: row.uid,
    realmId,
    accountId: row.account_id,
    state: row.state as Session['state'],
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

/** A left join without a match has nulls; `sid` is never null in a row. */
function memberFrom(realmId: string, row: Row): ClientSession | undefined {
  if (row.client_id === null || row.sid === null) return undefined
  return {
    sessionUid: row.uid,
    clientId: row.client_id,
    realmId,
    sid: row.sid,
    protocol: row.protocol ?? '',
    grantId: row.grant_id ?? undefined,
    sub: row.sub ?? '',
    issuer: row.issuer ?? '',
    adapterSessionId: undefined,
    adapterSessionHost: undefined,
    nameId: undefined,
    sessionIndex: undefined,
    startedAt: row.started_at ?? 0,
    lastActiveAt: row.member_active_at ?? 0,
    answeredAt: row.answered_at ?? 0,
    expiresAt: row.expires_at ?? 0,
    endedAt: undefined,
    revokedAt: row.revoked_at ?? undefined,
  }
}
