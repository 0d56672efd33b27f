/** Pages of accounts for administrators, with the parameters of Keycloak's `GET /users` (§14.3, KQ-33). */
import { type ExpressionBuilder, type SelectQueryBuilder, sql } from 'kysely'
import type { Queryable } from '../store/store.ts'
import type { Tables } from '../store/tables.ts'
import type { Account } from './account.ts'
import { accountFromRow, canonicalLoginName, selectAccounts } from './account-row.ts'

export interface AccountSearch {
  /** Words that must each occur in user name, e-mail or a name: `ann` at the start, `*ann*` anywhere, `"ann"` whole. */
  readonly search?: string | undefined
  readonly username?: string | undefined
  readonly email?: string | undefined
  readonly firstName?: string | undefined
  readonly lastName?: string | undefined
  /** The four above are equal instead of contained. */
  readonly exact?: boolean | undefined
  readonly enabled?: boolean | undefined
  readonly emailVerified?: boolean | undefined
  /** Attribute name to value, all of them equal (parameter `q`). */
  readonly attributes?: Readonly<Record<string, string>> | undefined
}

export interface Page {
  /** Rows to leave out, default 0. */
  readonly first?: number | undefined
  /** Rows at most, default 100, bounded by `pageRowCountMax`. */
  readonly max?: number | undefined
}

export const pageRowCountMax = 1000

/** Service accounts and deleted accounts are left out; ordered by user name. */
export async function searchAccounts(
  on: Queryable,
  realmId: string,
  search: AccountSearch,
  page: Page = {},
): Promise<readonly Account[]> {
  const rows = await matching(on, selectAccounts(on), realmId, search)
    .orderBy('account.username')
    .limit(Math.min(Math.max(page.max ?? 100, 0), pageRowCountMax))
    .offset(Math.max(page.first ?? 0, 0))
    .execute()
  return rows.map(accountFromRow)
}

export async function countAccounts(on: Queryable, realmId: string, search: AccountSearch): Promise<number> {
  const row = await matching(on, on.db.selectFrom('account'), realmId, search)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

const searchWordCountMax = 10

function matching<O>(
  on: Queryable,
  query: SelectQueryBuilder<Tables, 'account', O>,
  realmId: string,
  search: AccountSearch,
): SelectQueryBuilder<Tables, 'account', O> {
  let found = query
    .where('account.realm_id', '=', realmId)
    .where('account.deleted_at', 'is', null)
    .where('account.service_account_client_uuid', 'is', null)
  // the one search that scripts make all day is a step in the index instead of a walk over everybody
  if (search.exact && search.username) {
    found = found.where('account.username', '=', canonicalLoginName(search.username))
  }
  for (const [column, value] of columnsOf(search)) {
    const pattern = search.exact ? escaped(value) : `%${escaped(value)}%`
    found = found.where((eb) => isLike(eb, column, pattern))
  }
  for (const word of wordsOf(search.search ?? '').slice(0, searchWordCountMax)) {
    found = found.where((eb) => eb.or(searchedColumns.map((column) => isLike(eb, column, wordPattern(word)))))
  }
  if (search.enabled !== undefined) found = found.where('account.enabled', '=', search.enabled ? 1 : 0)
  if (search.emailVerified !== undefined) {
    found = found.where('account.email_verified', '=', search.emailVerified ? 1 : 0)
  }
  for (const [name, value] of Object.entries(search.attributes ?? {})) {
    found = found.where(hasAttribute(on, name, value))
  }
  return found
}

const searchedColumns = ['username', 'email', 'first_name', 'last_name'] as const
type SearchedColumn = (typeof searchedColumns)[number]

function columnsOf(search: AccountSearch): readonly (readonly [SearchedColumn, string])[] {
  const given: readonly (readonly [SearchedColumn, string | undefined])[] = [
    ['username', search.username],
    ['email', search.email],
    ['first_name', search.firstName],
    ['last_name', search.lastName],
  ]
  return given.flatMap(([column, value]) => (value ? [[column, value] as const] : []))
}

/** Words are parted by white space; quotes keep one together. */
function wordsOf(text: string): readonly string[] {
  return text.match(/"[^"]*"|\S+/g) ?? []
}

function wordPattern(word: string): string {
  if (word.length > 1 && word.startsWith('"') && word.endsWith('"')) return escaped(word.slice(1, -1))
  const pattern = escaped(word).replaceAll('*', '%')
  return pattern.endsWith('%') ? pattern : `${pattern}%`
}

/** `%`, `_` and `\` of the caller are characters like others. */
function escaped(value: string): string {
  return value.toLowerCase().replace(/[\\%_]/g, (character) => `\\${character}`)
}

/** Without regard to case; beyond ASCII, SQLite folds no case. */
function isLike(eb: ExpressionBuilder<Tables, 'account'>, column: SearchedColumn, pattern: string) {
  return sql<boolean>`lower(${eb.ref(`account.${column}`)}) like ${pattern} escape '\\'`
}

/** One of the attribute's values is equal. The two databases name the elements of a JSON list differently. */
function hasAttribute(on: Queryable, name: string, value: string) {
  return on.dialect === 'sqlite'
    ? sql<boolean>`exists (select 1 from json_each(account.attributes) as pair, json_each(pair.value) as one
        where pair.key = ${name} and one.value = ${value})`
    : sql<boolean>`exists (select 1 from jsonb_array_elements_text(account.attributes::jsonb -> ${name}) as one (value)
        where one.value = ${value})`
}
