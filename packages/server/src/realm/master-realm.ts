/**
 * The realm `master`: where administrators are. Each other realm has a client `{realm}-realm` in it whose roles
 * open that realm, and the realm role `admin` contains them all, as in Keycloak.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Store, Tx } from '../store/store.ts'
import { changeRealm } from './change-realm.ts'
import { createRealm, newRealmKeys, type RealmKeys } from './create-realm.ts'
import { masterRealmName, realmAdminClient, realmAdminRoles } from './import/built-in-objects.ts'
import { writeClients } from './import/write-clients.ts'
import type { WriteContext, WriteDeps } from './import/write-context.ts'
import { addComposites, writeRoles } from './import/write-roles.ts'

/** Makes `master` when it is missing, and gives its administrators every realm that there is. Safe to call at each start. */
export async function ensureMasterRealm(
  deps: WriteDeps & { readonly store: Store },
  at: Instant,
): Promise<void> {
  const names = await readNames(deps.store)
  const keys: RealmKeys | undefined = names.includes(masterRealmName)
    ? undefined
    : await newRealmKeys(deps.random)
  await deps.store.transact(async (tx) => {
    const isMissing = (await findMasterId(tx)) === undefined
    if (isMissing && keys)
      await createRealm(deps, tx, { name: masterRealmName, keys, settings: { accessTokenLifespan: 60 } }, at)
    for (const name of names) await addRealmToMaster(deps, tx, name, at)
  })
}

async function readNames(store: Store): Promise<readonly string[]> {
  const rows = await store.read.db
    .selectFrom('realm')
    .select('name')
    .where('deleted_at', 'is', null)
    .execute()
  return rows.map((row) => row.name)
}

/** Opens a realm to master's administrators. Nothing happens when there is no master yet, or it is open already. */
export async function addRealmToMaster(
  deps: WriteDeps,
  tx: Tx,
  realmName: string,
  at: Instant,
): Promise<void> {
  const masterId = await findMasterId(tx)
  if (masterId === undefined || realmName === masterRealmName) return
  const context: WriteContext = {
    ...deps,
    tx,
    realmId: masterId,
    isNew: false,
    at,
    changes: [],
    omissions: [],
  }
  const client = realmAdminClient(realmName)
  const roles = realmAdminRoles(client.clientId)
  const { uuids, freshIds } = await writeClients(
    { ...context },
    (await isThere(tx, masterId, client.clientId)) ? [] : [client],
    {},
  )
  if (freshIds.size === 0) return
  const draft = {
    id: undefined,
    name: masterRealmName,
    representation: {},
    scopes: [],
    clients: [],
    groups: [],
    accounts: [],
    roles,
  }
  const find = await writeRoles(context, draft, uuids)
  const admin = find(undefined, 'admin')
  const added = roles.flatMap((role) => find(client.clientId, role.name) ?? [])
  if (admin !== undefined) await addComposites(context, admin, added)
  await changeRealm(tx, masterId)
}

async function isThere(tx: Tx, realmId: string, clientId: string): Promise<boolean> {
  const row = await tx.db
    .selectFrom('client')
    .select('id')
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

async function findMasterId(tx: Tx): Promise<string | undefined> {
  const row = await tx.db
    .selectFrom('realm')
    .select('id')
    .where('name', '=', masterRealmName)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row?.id
}
