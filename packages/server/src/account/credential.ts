/** Credentials of an account: the password hash, and second steps whose secrets are sealed. */
import type { Instant } from '../ambient/clock.ts'
import { type Random, randomUuid } from '../ambient/random.ts'
import { type ServerSecret, seal } from '../key/seal.ts'
import type { Queryable, Tx } from '../store/store.ts'
import type { CredentialTable } from '../store/tables.ts'
import type { StoredPassword } from './password.ts'

/** What may be shown of a credential: never its data. */
export interface CredentialSummary {
  readonly id: string
  readonly type: string
  readonly label: string | undefined
  readonly createdAt: Instant
}

const credentialCountMax = 100

/** Every credential of an account, without its data, in the order of preference. */
export async function listCredentials(
  on: Queryable,
  accountId: string,
): Promise<readonly CredentialSummary[]> {
  const rows = await on.db
    .selectFrom('credential')
    .select(['id', 'type', 'label', 'created_at'])
    .where('account_id', '=', accountId)
    .orderBy('priority')
    .orderBy('id')
    .limit(credentialCountMax)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    type: row.type,
    label: row.label ?? undefined,
    createdAt: row.created_at,
  }))
}

/** The password of an account. */
export async function findPassword(
  on: Queryable,
  accountId: string,
): Promise<{ readonly credentialId: string; readonly stored: StoredPassword } | undefined> {
  const row = await on.db
    .selectFrom('credential')
    .select(['id', 'data'])
    .where('account_id', '=', accountId)
    .where('type', '=', 'password')
    .orderBy('priority')
    .orderBy('id')
    .executeTakeFirst()
  return row && { credentialId: row.id, stored: JSON.parse(row.data) as StoredPassword }
}

/** Sets the password, in place of any other. Ending sessions is the caller's, in the same transaction (SR-06). */
export async function replacePassword(
  deps: { readonly random: Random },
  tx: Tx,
  accountId: string,
  stored: StoredPassword,
  at: Instant,
): Promise<void> {
  await tx.db
    .deleteFrom('credential')
    .where('account_id', '=', accountId)
    .where('type', '=', 'password')
    .execute()
  await tx.db
    .insertInto('credential')
    .values(passwordRow({ id: randomUuid(deps.random), accountId, stored, at }))
    .execute()
}

/** Replaces the hash of the same password (KZ-83), unless the password was changed meanwhile. */
export async function rehashPassword(
  tx: Tx,
  credentialId: string,
  from: StoredPassword,
  to: StoredPassword,
): Promise<void> {
  await tx.db
    .updateTable('credential')
    .set({ data: JSON.stringify(to) })
    .where('id', '=', credentialId)
    .where('data', '=', JSON.stringify(from))
    .execute()
}

export function passwordRow(of: {
  readonly id: string
  readonly accountId: string
  readonly stored: StoredPassword
  readonly label?: string | undefined
  readonly at: Instant
}): CredentialTable {
  return {
    id: of.id,
    account_id: of.accountId,
    type: 'password',
    label: of.label ?? null,
    data: JSON.stringify(of.stored),
    priority: 10,
    created_at: of.at,
  }
}

/** Removes one credential; false when the account has no such one. */
export async function deleteCredential(tx: Tx, accountId: string, credentialId: string): Promise<boolean> {
  const result = await tx.db
    .deleteFrom('credential')
    .where('account_id', '=', accountId)
    .where('id', '=', credentialId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** Seals the data of a second step: who reads the database could make its codes (house rule 7). */
export function sealCredential(
  deps: { readonly secret: ServerSecret; readonly random: Random },
  credentialId: string,
  data: unknown,
): string {
  return seal(deps.secret, deps.random, `credential/${credentialId}`, JSON.stringify(data))
}
