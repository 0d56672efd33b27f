/** Writes sessions with their applications by SQL, as if they had been opened a minute ago. */
import type { PreparedRealm } from './prepared-realm.ts'

export interface SessionFill {
  /** Session 1 of 'bulk' is `bulk-1`, and `app-0` knows it as `bulk-1-app-0`. */
  readonly prefix: string
  readonly sessionCount: number
  /** How many of the realm's applications are in each session, from the first on. */
  readonly applicationCount: number
}

const minute = 60_000
const hour = 60 * minute

/** `index` counts from 0. */
export function sessionUidOf({ prefix }: Pick<SessionFill, 'prefix'>, index: number): string {
  return `${prefix}-${index + 1}`
}

export async function fillSessions(
  { kind, clients, query }: PreparedRealm,
  fill: SessionFill,
): Promise<void> {
  const { prefix, sessionCount, applicationCount } = fill
  const numbers =
    kind === 'sqlite'
      ? `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${sessionCount})`
      : `with n (i) as (select generate_series(1, ${sessionCount}))`
  const applications = clients
    .slice(0, applicationCount)
    .map(({ clientId }) => `('${clientId}')`)
    .join(', ')
  const realm = `(select id from realm where name = 'test')`
  const account = `(select id from account where username = 'alice')`
  const at = Date.now() - minute
  const later = at + 10 * hour
  await query(`insert into session (uid, realm_id, account_id, cookie_hash, state, created_at, last_active_at,
    idle_until, ends_at, remember_me, payload) ${numbers} select '${prefix}-' || i, ${realm}, ${account},
    'cookie-${prefix}-' || i, 'active', ${at}, ${at}, ${later}, ${later}, 0, '{}' from n`)
  await query(`insert into client_session (session_uid, client_id, realm_id, sid, protocol, grant_id, sub, issuer,
    started_at, last_active_at, answered_at, expires_at) ${numbers}, a (id) as (values ${applications})
    select '${prefix}-' || i, a.id, ${realm}, '${prefix}-' || i || '-' || a.id, 'openid-connect',
    'grant-${prefix}-' || i || a.id, 'alice', 'http://localhost/realms/test', ${at}, ${at}, ${at}, ${later}
    from n cross join a`)
  // as a database that has grown to this size has it
  if (kind === 'postgres') await query('analyze session, client_session')
}
