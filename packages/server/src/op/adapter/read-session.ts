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

function select(db: Kysely<Tables>, realmId: string) {
  return db
    .selectFrom('session as s')
    .leftJoin('account as a', 'a.id', 's.account_id')
    .where('s.realm_id', '=', realmId)
    .select(columns)
}

const names = ['realmId', 'key', 'clientId'] as const

const byCookieForClient = compiledQuery(names, (db, value) =>
  select(db, value.realmId)
    .where('s.cookie_hash', '=', value.key)
    .leftJoin('client_session as c', (join) =>
      join
        .onRef('c.session_uid', '=', 's.uid')
        .on('c.client_id', '=', value.clientId)
        .on('c.ended_at', 'is', null),
    ),
)
