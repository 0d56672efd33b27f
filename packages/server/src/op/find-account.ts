/** The account of the running request, with its roles and groups: one query, once per request. */
import type { Account } from '../account/account.ts'
import { accountFromRow, selectAccounts } from '../account/account-row.ts'
import type { Instant } from '../ambient/clock.ts'
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable } from '../store/store.ts'
import type { UnitOfWork } from './unit-of-work/unit-of-work.ts'

const byId = compiledQuery(['realmId', 'id'], (db, value) =>
  selectAccounts({ db, dialect: 'sqlite' })
    .where('account.id', '=', value.id)
    .where('account.realm_id', '=', value.realmId),
)

const byArtifact = compiledQuery(['realmId', 'idHash'], (db, value) =>
  selectAccounts({ db, dialect: 'sqlite' })
    .innerJoin('artifact as t', (join) =>
      join.onRef('t.account_id', '=', 'account.id').onRef('t.realm_id', '=', 'account.realm_id'),
    )
    .where('t.id_hash', '=', value.idHash)
    .where('t.realm_id', '=', value.realmId),
)

const byServiceClient = compiledQuery(['realmId', 'clientUuid'], (db, value) =>
  selectAccounts({ db, dialect: 'sqlite' })
    .where('account.service_account_client_uuid', '=', value.clientUuid)
    .where('account.realm_id', '=', value.realmId)
    .where('account.deleted_at', 'is', null),
)

/** undefined for an account that is disabled, deleted or unknown: nothing is derived for it. */
export function findWorkAccount(
  on: Queryable,
  work: UnitOfWork,
  accountId: string,
): Promise<Account | undefined> {
  return once(work, accountId, async () => (await byId(on, { realmId: work.realm.id, id: accountId }))[0])
}

/** Reads the account that a code or token was issued for, before the engine asks for it by its id. */
export async function loadAccountOfArtifact(on: Queryable, work: UnitOfWork, idHash: string): Promise<void> {
  const [row] = await byArtifact(on, { realmId: work.realm.id, idHash })
  if (row) await once(work, row.id, async () => row)
}

/** The account of a client that acts for itself (client credentials grant). */
export function findServiceAccount(
  on: Queryable,
  work: UnitOfWork,
  clientUuid: string,
): Promise<Account | undefined> {
  const key = `${work.realm.id}/${clientUuid}`
  const ofStore = services.get(on) ?? new Map<string, KeptService>()
  services.set(on, ofStore)
  const kept = ofStore.get(key)
  if (kept && work.startedAt - kept.readAt < serviceAgeMaxMs) return kept.reading
  const read = async () => (await byServiceClient(on, { realmId: work.realm.id, clientUuid }))[0]
  const reading = once(work, `service/${clientUuid}`, read)
  if (ofStore.size >= serviceCountMax) ofStore.delete(ofStore.keys().next().value as string)
  ofStore.set(key, { reading, readAt: work.startedAt })
  reading.catch(() => ofStore.delete(key))
  return reading
}

/** A service asks for tokens all the time; its account is as old as its realm in memory may be (realm/realms.ts). */
const serviceAgeMaxMs = 500
const serviceCountMax = 1000
const services = new WeakMap<Queryable, Map<string, KeptService>>()

interface KeptService {
  readonly reading: Promise<Account | undefined>
  readonly readAt: Instant
}

type AccountRow = Parameters<typeof accountFromRow>[0]

function once(
  work: UnitOfWork,
  key: string,
  read: () => Promise<AccountRow | undefined>,
): Promise<Account | undefined> {
  const known = work.accounts.get(key)
  if (known) return known
  const reading = read().then((row) => {
    if (row?.enabled !== 1 || row.deleted_at !== null) return undefined
    return accountFromRow(row)
  })
  work.accounts.set(key, reading)
  return reading
}
