/** Reads sessions as Keycloak shows them: live ones, with the person and the applications. */
import type { Instant } from '../ambient/clock.ts'
import type { Realm } from '../realm/realm.ts'
import type { Queryable } from '../store/store.ts'

/** Keycloak's UserSessionRepresentation; instants are milliseconds. */
export interface UserSessionWire {
  readonly id: string
  readonly username: string
  readonly userId: string
  readonly ipAddress: string | undefined
  readonly start: Instant
  readonly lastAccess: Instant
  readonly rememberMe: boolean
  /** Internal id of the client → its `client_id`. */
  readonly clients: Readonly<Record<string, string>>
  readonly transientUser: boolean
}

/** Whose sessions: one account's, or those that one application is in. */
export type SessionOwner = { readonly accountId: string } | { readonly clientId: string }

/** Newest first; at most `page.max`, which the caller bounds. */
export async function readUserSessions(
  on: Queryable,
  realm: Realm,
  owner: SessionOwner,
  page: { readonly first: number; readonly max: number },
  at: Instant,
): Promise<readonly UserSessionWire[]> {
  let query = on.db
    .selectFrom('session')
    .innerJoin('account', 'account.id', 'session.account_id')
    .selectAll('session')
    .select('account.username')
    .where('session.realm_id', '=', realm.id)
    .where('session.state', '=', 'active')
    .where('session.idle_until', '>', at)
    .where('session.ends_at', '>', at)
  query =
    'accountId' in owner
      ? query.where('session.account_id', '=', owner.accountId)
      : query.where('session.uid', 'in', (uids) =>
          uids
            .selectFrom('client_session')
            .select('session_uid')
            .where('realm_id', '=', realm.id)
            .where('client_id', '=', owner.clientId)
            .where('ended_at', 'is', null),
        )
  const rows = await query
    .orderBy('session.created_at', 'desc')
    .orderBy('session.uid')
    .offset(page.first)
    .limit(page.max)
    .execute()
  const clientIds = await readClientIds(
    on,
    rows.map((row) => row.uid),
  )
  return rows.map((row) => ({
    id: row.uid,
    username: row.username,
    userId: row.account_id,
    ipAddress: row.ip_address ?? undefined,
    start: row.created_at,
    lastAccess: row.last_active_at,
    rememberMe: row.remember_me === 1,
    clients: clientsOf(realm, clientIds.get(row.uid) ?? []),
    transientUser: false,
  }))
}

/** The `client_id`s of the applications that are in each session. */
async function readClientIds(
  on: Queryable,
  sessionUids: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const bySession = new Map<string, string[]>()
  if (sessionUids.length === 0) return bySession
  const rows = await on.db
    .selectFrom('client_session')
    .select(['session_uid', 'client_id'])
    .where('session_uid', 'in', sessionUids)
    .where('ended_at', 'is', null)
    .orderBy('started_at')
    .execute()
  for (const row of rows) {
    const known = bySession.get(row.session_uid)
    if (known) known.push(row.client_id)
    else bySession.set(row.session_uid, [row.client_id])
  }
  return bySession
}

function clientsOf(realm: Realm, clientIds: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    clientIds.map((clientId) => [realm.clients.get(clientId)?.uuid ?? clientId, clientId]),
  )
}
