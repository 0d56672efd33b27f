/** Fills a database of a stopped server with sessions, by SQL: millions in seconds. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { BenchDatabase } from './database.ts'

/** Every tenth session is ended, with its sign-out, its delivery and its attempt. Statistics are brought up to date. */
export async function fillDatabase(
  database: BenchDatabase,
  dataDir: string,
  sessionCount: number,
): Promise<void> {
  const statements = rows(sessionCount, Date.now())
  if (database.url === undefined) {
    using sqlite = new DatabaseSync(join(dataDir, 'curfew.db'))
    const numbers = `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${sessionCount})`
    sqlite.exec('pragma synchronous = off; begin')
    for (const { into, select } of statements) sqlite.exec(`insert into ${into} ${numbers} ${select}`)
    sqlite.exec('commit; pragma wal_checkpoint(truncate)')
    return
  }
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    const numbers = `with n (i) as (select generate_series(1, ${sessionCount}))`
    for (const { into, select } of statements) await client.query(`insert into ${into} ${numbers} ${select}`)
    await client.query('vacuum analyze')
    await client.query('checkpoint')
  } finally {
    await client.end()
  }
}

/** The same text for both databases; `i` counts the sessions. */
function rows(
  sessionCount: number,
  at: number,
): readonly { readonly into: string; readonly select: string }[] {
  const hour = 3_600_000
  const realm = `(select id from realm where name = 'test')`
  // a thousand people, or one per session
  const account = `'person-' || (i % ${Math.max(1000, sessionCount / 10)})`
  const application = `'app-' || (i % 10)`
  const isEnded = 'i % 10 = 0'
  return [
    {
      into: `session (uid, realm_id, account_id, cookie_hash, state, created_at, last_active_at, idle_until,
        ends_at, ended_at, sign_out_id, remember_me, payload)`,
      select: `select 'uid-' || i, ${realm}, ${account}, 'cookie-' || i,
        case when ${isEnded} then 'ended' else 'active' end, ${at - hour} + i, ${at - hour} + i, ${at + hour} + i,
        ${at + 10 * hour} + i, case when ${isEnded} then ${at} end, case when ${isEnded} then 'so_' || i end, 0, '{}'
        from n`,
    },
    {
      into: `client_session (session_uid, client_id, realm_id, sid, protocol, grant_id, sub, issuer, started_at,
        last_active_at, answered_at, expires_at, ended_at)`,
      select: `select 'uid-' || i, ${application}, ${realm}, 'sid-' || i, 'openid-connect', 'grant-' || i, ${account},
        'http://issuer', ${at - hour}, ${at - hour}, ${at - hour}, ${at + 10 * hour},
        case when ${isEnded} then ${at} end from n`,
    },
    {
      into: `artifact (id_hash, realm_id, kind, session_uid, client_id, account_id, grant_id, is_offline, payload,
        created_at, expires_at)`,
      select: `select 'hash-' || i, ${realm}, 'RefreshToken', 'uid-' || i, ${application}, ${account}, 'grant-' || i, 0,
        '{"kind":"RefreshToken"}', ${at - hour}, ${at + 10 * hour} + i from n where not (${isEnded})`,
    },
    {
      into: `sign_out (id, realm_id, scope, kind, cause, initiator, session_uid, account_id, application_count,
        committed_at, completed_at)`,
      select: `select 'so_' || i, ${realm}, 'session', 'ordinary', 'rp_initiated', 'user', 'uid-' || i, ${account}, 1,
        ${at}, ${at} from n where ${isEnded}`,
    },
    {
      into: `delivery (id, sign_out_id, realm_id, session_uid, client_id, sid, sub, issuer, channel, generation,
        endpoint_id, address, priority, state, due_at, fence, attempt_count, refusal_count, internal_count,
        had_connection, tried_at, horizon_at, created_at, settled_at)`,
      select: `select 'dl_' || i, 'so_' || i, ${realm}, 'uid-' || i, ${application}, 'sid-' || i, ${account},
        'http://issuer', 'oidc-back-channel', 1, 'endpoint-' || (i % 10), 'http://127.0.0.1:1/', 0, 'accepted', ${at},
        1, 1, 0, 0, 1, ${at}, ${at + 72 * hour}, ${at}, ${at} from n where ${isEnded}`,
    },
    {
      into: `attempt (delivery_id, number, started_at, finished_at, outcome, status)`,
      select: `select 'dl_' || i, 1, ${at}, ${at}, 'answer', 200 from n where ${isEnded}`,
    },
  ]
}
