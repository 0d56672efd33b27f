/** Rows to accounts and back. Roles and groups come in the same query, as ids joined by a space. */
import { type ExpressionBuilder, sql } from 'kysely'
import type { Queryable } from '../store/store.ts'
import type { AccountTable, Tables } from '../store/tables.ts'
import type { Account } from './account.ts'

/** An account row with the ids that `selectAccounts` adds. */
export interface AccountRow extends AccountTable {
  readonly role_ids: string | null
  readonly group_ids: string | null
}

/** `string_agg` is spoken by PostgreSQL and by SQLite alike; ids never contain white space (import checks it). */
export function selectAccounts(on: Queryable) {
  return on.db
    .selectFrom('account')
    .selectAll('account')
    .select((eb: ExpressionBuilder<Tables, 'account'>) => [
      eb
        .selectFrom('account_role')
        .whereRef('account_role.account_id', '=', 'account.id')
        .select(sql<string | null>`string_agg(account_role.role_id, ' ')`.as('ids'))
        .as('role_ids'),
      eb
        .selectFrom('account_group')
        .whereRef('account_group.account_id', '=', 'account.id')
        .select(sql<string | null>`string_agg(account_group.group_id, ' ')`.as('ids'))
        .as('group_ids'),
    ])
}

export function accountFromRow(row: AccountRow): Account {
  return {
    id: row.id,
    realmId: row.realm_id,
    username: row.username,
    email: row.email ?? undefined,
    emailVerified: row.email_verified === 1,
    firstName: row.first_name ?? undefined,
    lastName: row.last_name ?? undefined,
    enabled: row.enabled === 1,
    attributes: JSON.parse(row.attributes) as Account['attributes'],
    notBefore: row.not_before,
    serviceAccountClientUuid: row.service_account_client_uuid ?? undefined,
    createdAt: row.created_at,
    roleIds: idsOf(row.role_ids),
    groupIds: idsOf(row.group_ids),
    isDeleted: row.deleted_at !== null,
    representation: JSON.parse(row.representation) as Account['representation'],
  }
}

/** Sorted: neither database promises an order. */
function idsOf(joined: string | null): readonly string[] {
  return joined ? joined.split(' ').sort() : []
}

/** What an account row holds apart from roles and groups. */
export type AccountFields = Omit<Account, 'roleIds' | 'groupIds' | 'isDeleted'>

export function rowFromAccount(account: AccountFields): AccountTable {
  return {
    id: account.id,
    realm_id: account.realmId,
    username: canonicalLoginName(account.username),
    email: account.email === undefined ? null : canonicalLoginName(account.email),
    email_verified: account.emailVerified ? 1 : 0,
    first_name: account.firstName ?? null,
    last_name: account.lastName ?? null,
    enabled: account.enabled ? 1 : 0,
    attributes: JSON.stringify(account.attributes),
    representation: JSON.stringify(account.representation),
    not_before: account.notBefore,
    service_account_client_uuid: account.serviceAccountClientUuid ?? null,
    created_at: account.createdAt,
    deleted_at: null,
  }
}

/** How user names and e-mail addresses are stored and looked up: as Keycloak, in lower case. */
export function canonicalLoginName(name: string): string {
  return name.trim().toLowerCase()
}
