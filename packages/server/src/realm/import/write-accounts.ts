/**
 * Writes the accounts of a draft, in batches. An account that the file describes as it did at the last import is
 * not touched, whatever happened to it since; nobody is ever removed, and no role or group is taken away.
 */

import { canonicalLoginName } from '../../account/account-row.ts'
import { randomUuid } from '../../ambient/random.ts'
import {
  countOf,
  flagOf,
  objectOf,
  type Representation,
  textOf,
  textsMapOf,
  textsOf,
} from '../../rp/representation.ts'
import { insertRows, isOneOf } from '../../store/bulk-rows.ts'
import type { Queryable } from '../../store/store.ts'
import type { AccountTable } from '../../store/tables.ts'
import { type AccountDigests, digestAccount, type PreparedCredentials } from './import-credentials.ts'
import { changedMembers } from './merge-representation.ts'
import { type AccountDraft, accountRest, notBeforeOf } from './realm-draft.ts'
import { changed, created, type WriteContext } from './write-context.ts'
import { type RoleIds, roleIdsOf } from './write-roles.ts'

const batchSize = 1000

/** Member of an account's representation that holds the digests of its last import. Not for applications. */
export const importedMember = 'curfew.imported'

export interface AccountLinks {
  readonly findRole: RoleIds
  readonly groupIds: ReadonlyMap<string, string>
  readonly clientUuids: ReadonlyMap<string, string>
  readonly credentials: ReadonlyMap<string, PreparedCredentials>
  /** Given to new accounts whose file says nothing of roles. */
  readonly defaultRoleName: string
}

export async function writeAccounts(
  context: WriteContext,
  drafts: readonly AccountDraft[],
  links: AccountLinks,
): Promise<void> {
  for (let start = 0; start < drafts.length; start += batchSize) {
    await writeBatch(context, drafts.slice(start, start + batchSize), links)
  }
}

async function writeBatch(
  context: WriteContext,
  drafts: readonly AccountDraft[],
  links: AccountLinks,
): Promise<void> {
  const stored = context.isNew ? emptyStored : await readStored(context.tx, context.realmId, drafts)
  const fresh: { draft: AccountDraft; row: AccountTable }[] = []
  for (const draft of drafts) {
    const row = stored.find(draft)
    if (!row) fresh.push({ draft, row: accountRow(context, draft, links) })
    else if (row.deleted_at !== null) {
      context.omissions.push(
        `the account "${draft.username}": it was deleted here, and its id is not given again`,
      )
    } else await updateAccount(context, draft, row, links)
  }
  await insertRows(
    context.tx,
    'account',
    fresh.map(({ row }) => row),
  )
  await insertLinks(
    context,
    fresh.map(({ draft, row }) => ({ draft: withDefaultRole(draft, links), accountId: row.id })),
    links,
  )
  context.changes.push(...fresh.map(({ row }) => created('account', row.username)))
}

function withDefaultRole(draft: AccountDraft, links: AccountLinks): AccountDraft {
  const { realm, clients } = draft.roles
  return realm || clients ? draft : { ...draft, roles: { realm: [links.defaultRoleName], clients } }
}

interface StoredAccounts {
  find(draft: AccountDraft): AccountTable | undefined
}

const emptyStored: StoredAccounts = { find: () => undefined }

/** Stored accounts of the same id or user name, deleted ones by id alone. */
async function readStored(
  on: Queryable,
  realmId: string,
  drafts: readonly AccountDraft[],
): Promise<StoredAccounts> {
  const ids = drafts.flatMap((draft) => draft.id ?? [])
  const names = drafts.map((draft) => canonicalLoginName(draft.username))
  const select = on.db.selectFrom('account').selectAll().where('realm_id', '=', realmId)
  const byId = new Map((await select.where(isOneOf(on, 'id', ids)).execute()).map((row) => [row.id, row]))
  const named = await select
    .where('deleted_at', 'is', null)
    .where(isOneOf(on, 'username', names))
    .execute()
  const byName = new Map(named.map((row) => [row.username, row]))
  return {
    find: ({ id, username }) => (id ? byId.get(id) : undefined) ?? byName.get(canonicalLoginName(username)),
  }
}

/** Digests of the last import by user name, to know which credentials must be prepared. */
export async function readDigests(
  on: Queryable,
  realmId: string,
  drafts: readonly AccountDraft[],
): Promise<ReadonlyMap<string, AccountDigests>> {
  const found = new Map<string, AccountDigests>()
  for (let start = 0; start < drafts.length; start += batchSize) {
    const batch = drafts.slice(start, start + batchSize)
    const stored = await readStored(on, realmId, batch)
    for (const draft of batch) {
      const row = stored.find(draft)
      if (row) found.set(draft.username, digestsOf(JSON.parse(row.representation) as Representation))
    }
  }
  return found
}

function digestsOf(representation: Representation): AccountDigests {
  const of = objectOf(representation, importedMember)
  return { account: textOf(of, 'account') ?? '', credentials: textOf(of, 'credentials') ?? '' }
}

function accountRow(context: WriteContext, draft: AccountDraft, links: AccountLinks): AccountTable {
  const of = draft.representation
  const serviceClient = draft.serviceAccountClientId
  return {
    id: draft.id ?? randomUuid(context.random),
    realm_id: context.realmId,
    username: canonicalLoginName(draft.username),
    email: emailOf(of),
    email_verified: flagOf(of, 'emailVerified', false) ? 1 : 0,
    first_name: textOf(of, 'firstName') ?? null,
    last_name: textOf(of, 'lastName') ?? null,
    enabled: flagOf(of, 'enabled', false) ? 1 : 0,
    attributes: JSON.stringify(textsMapOf(of, 'attributes')),
    representation: JSON.stringify(representationOf(context, draft, {}, links)),
    not_before: notBeforeOf(of),
    service_account_client_uuid:
      serviceClient === undefined ? null : (links.clientUuids.get(serviceClient) ?? null),
    created_at: countOf(of, 'createdTimestamp', context.at),
    deleted_at: null,
  }
}

const emailOf = (of: Representation): string | null => {
  const email = textOf(of, 'email')
  return email === undefined ? null : canonicalLoginName(email)
}

function representationOf(
  context: WriteContext,
  draft: AccountDraft,
  stored: Representation,
  links: AccountLinks,
): Representation {
  const isTemporary = links.credentials.get(draft.username)?.isTemporary ?? false
  const merged = { ...stored, ...accountRest(draft.representation) }
  const actions = new Set(textsOf(merged, 'requiredActions'))
  if (isTemporary) actions.add('UPDATE_PASSWORD')
  return { ...merged, requiredActions: [...actions], [importedMember]: digestAccount(context.secret, draft) }
}

/** Columns of the members that the file names; `enabled` too, so a file can disable somebody. */
function namedColumns(of: Representation): Partial<AccountTable> {
  return {
    ...(of['email'] === undefined ? {} : { email: emailOf(of) }),
    ...(of['emailVerified'] == null ? {} : { email_verified: flagOf(of, 'emailVerified', false) ? 1 : 0 }),
    ...(of['firstName'] === undefined ? {} : { first_name: textOf(of, 'firstName') ?? null }),
    ...(of['lastName'] === undefined ? {} : { last_name: textOf(of, 'lastName') ?? null }),
    ...(of['enabled'] == null ? {} : { enabled: flagOf(of, 'enabled', false) ? 1 : 0 }),
    ...(of['attributes'] == null ? {} : { attributes: JSON.stringify(textsMapOf(of, 'attributes')) }),
  }
}

async function updateAccount(
  context: WriteContext,
  draft: AccountDraft,
  row: AccountTable,
  links: AccountLinks,
): Promise<void> {
  const stored = JSON.parse(row.representation) as Representation
  const last = digestsOf(stored)
  const digests = digestAccount(context.secret, draft)
  if (last.account === digests.account) return
  const columns = namedColumns(draft.representation)
  const representation = representationOf(context, draft, stored, links)
  const members = [
    ...Object.entries(columns).flatMap(([name, value]) =>
      row[name as keyof AccountTable] === value ? [] : [name],
    ),
    ...changedMembers({ ...stored, [importedMember]: null }, { ...representation, [importedMember]: null }),
  ]
  const hasNewCredentials = draft.credentials.length > 0 && last.credentials !== digests.credentials
  if (hasNewCredentials) {
    members.push('credentials')
    await context.tx.db.deleteFrom('credential').where('account_id', '=', row.id).execute()
  }
  await context.tx.db
    .updateTable('account')
    .set({
      ...columns,
      not_before: Math.max(row.not_before, notBeforeOf(draft.representation)),
      representation: JSON.stringify(representation),
    })
    .where('id', '=', row.id)
    .execute()
  await insertLinks(context, [{ draft, accountId: row.id }], links, hasNewCredentials)
  context.changes.push(
    changed('account', row.username, members.length > 0 ? members.sort() : ['roles or groups']),
  )
}

async function insertLinks(
  context: WriteContext,
  accounts: readonly { readonly draft: AccountDraft; readonly accountId: string }[],
  links: AccountLinks,
  withCredentials = true,
): Promise<void> {
  const { tx } = context
  const roles = accounts.flatMap(({ draft, accountId }) =>
    roleIdsOf(context, draft.roles, links.findRole, `the account "${draft.username}"`).map((roleId) => ({
      account_id: accountId,
      role_id: roleId,
    })),
  )
  await insertRows(tx, 'account_role', roles, { onConflict: 'skip' })
  const groups = accounts.flatMap(({ draft, accountId }) =>
    groupIdsOf(context, draft, links).map((groupId) => ({ account_id: accountId, group_id: groupId })),
  )
  await insertRows(tx, 'account_group', groups, { onConflict: 'skip' })
  if (!withCredentials) return
  const credentials = accounts.flatMap(({ draft, accountId }) =>
    (links.credentials.get(draft.username)?.rows ?? []).map((row) => ({ ...row, account_id: accountId })),
  )
  await insertRows(tx, 'credential', credentials)
}

function groupIdsOf(context: WriteContext, draft: AccountDraft, links: AccountLinks): readonly string[] {
  const found = draft.groups.flatMap((path) => {
    const id = links.groupIds.get(path.startsWith('/') ? path : `/${path}`)
    if (id === undefined)
      context.omissions.push(`a group of the account "${draft.username}": there is no group "${path}"`)
    return id ?? []
  })
  return [...new Set(found)]
}
