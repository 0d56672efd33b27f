/** The roles and groups of an account, read only for the mappers that ask for them. */
import type { Account } from '../account/account.ts'
import type { Queryable } from '../store/store.ts'
import type { ClaimReads } from './mapper/claim-plan.ts'

export async function withMemberships(on: Queryable, account: Account, reads: ClaimReads): Promise<Account> {
  if (!reads.roles && !reads.groups) return account
  const roleIds = reads.roles ? await readRoleIds(on, account.id) : []
  const groupIds = reads.groups ? await readGroupIds(on, account.id) : []
  return { ...account, roleIds, groupIds }
}

async function readRoleIds(on: Queryable, accountId: string): Promise<readonly string[]> {
  const query = on.db.selectFrom('account_role').select('role_id').where('account_id', '=', accountId)
  return (await query.orderBy('role_id').execute()).map((row) => row.role_id)
}

async function readGroupIds(on: Queryable, accountId: string): Promise<readonly string[]> {
  const query = on.db.selectFrom('account_group').select('group_id').where('account_id', '=', accountId)
  return (await query.orderBy('group_id').execute()).map((row) => row.group_id)
}
