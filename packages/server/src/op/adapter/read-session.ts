/** A session with its account's state and the client sessions that the request needs, in one query. */
import type { Kysely, Selectable } from 'kysely'
import { compiledQuery } from '../../store/compiled-query.ts'
import type { Queryable } from '../../store/store.ts'
import type { SessionTable, Tables } from '../../store/tables.ts'
import type { KnownMember, KnownSession, LoadedSession } from '../unit-of-work/unit-of-work.ts'

export const sessionColumns = [
  's.uid',
  's.account_id',
  's.state',
  's.created_at',
  's.last_active_at',
  's.idle_until',
  's.ends_at',
  's.remember_me',
  's.payload',
] as const

const columns = [
  ...sessionColumns,
  'a.enabled',
  'a.deleted_at',
  'a.username',
  'c.client_id',
  'c.sid',
  'c.grant_id',
  'c.started_at',
  'c.expires_at',
] as const

type SessionColumn = (typeof sessionColumns)[number] extends `s.${infer Column extends keyof SessionTable}`
  ? Column
  : never

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

/** Of a code or token, with the client session of the application that it was issued to. */
const ofArtifact = compiledQuery(['realmId', 'key'], (db, value) =>
  db
    .selectFrom('artifact as t')
    .innerJoin('session as s', (join) =>
      join.onRef('s.uid', '=', 't.session_uid').onRef('s.realm_id', '=', 't.realm_id'),
    )
    .leftJoin('account as a', 'a.id', 's.account_id')
    .leftJoin('client_session as c', (join) =>
      join
        .onRef('c.session_uid', '=', 's.uid')
        .onRef('c.client_id', '=', 't.client_id')
        .on('c.ended_at', 'is', null),
    )
    .where('t.id_hash', '=', value.key)
    .where('t.realm_id', '=', value.realmId)
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
  return loadedFrom(await query(on, { realmId, key: by.key, clientId: clientId ?? '' }))
}

/** The session in which a code or token was issued; undefined when it has none or the session is gone. */
export async function readSessionOfArtifact(
  on: Queryable,
  realmId: string,
  idHash: string,
): Promise<LoadedSession | undefined> {
  return loadedFrom(await ofArtifact(on, { realmId, key: idHash }))
}

function loadedFrom(rows: readonly Row[]): LoadedSession | undefined {
  const [first] = rows
  if (!first) return undefined
  const clientSessions = new Map<string, KnownMember>()
  for (const row of rows) {
    const member = memberFrom(row)
    if (member) clientSessions.set(member.clientId, member)
  }
  return {
    session: knownSession(first),
    isAccountEnabled: first.enabled === 1 && first.deleted_at === null,
    username: first.username ?? undefined,
    clientSessions,
  }
}

type Row = Awaited<ReturnType<(typeof queries)['s.uid']['one']>>[number]

/** What of a session's row decides; read here, and again under the lock. */
export function knownSession(row: Pick<Selectable<SessionTable>, SessionColumn>): KnownSession {
  return {
    uid: row.uid,
    accountId: row.account_id,
    state: row.state as KnownSession['state'],
    createdAt: row.created_at,
    lastActiveAt: row.last_active_at,
    idleUntil: row.idle_until,
    endsAt: row.ends_at,
    rememberMe: row.remember_me === 1,
    payload: row.payload,
  }
}

/** A left join without a match has nulls; `sid` is never null in a row. */
function memberFrom(row: Row): KnownMember | undefined {
  if (row.client_id === null || row.sid === null) return undefined
  return {
    sessionUid: row.uid,
    clientId: row.client_id,
    sid: row.sid,
    grantId: row.grant_id ?? undefined,
    startedAt: row.started_at ?? 0,
    expiresAt: row.expires_at ?? 0,
  }
}
