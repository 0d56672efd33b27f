/** What administrators do while deliveries wait: keys, registrations, replays, the egress policy. */
import { addressChanged } from '../../src/delivery/address-changed.ts'
import { type RedeliverScope, redeliver, renewBlocked } from '../../src/delivery/redeliver.ts'
import { tryNow } from '../../src/delivery/try-now.ts'
import { keyPublishLeadMs, type SigningAlgorithm } from '../../src/key/key.ts'
import { changeRealm } from '../../src/realm/change-realm.ts'
import { type Tx, withLock } from '../../src/store/store.ts'
import { simulatedKey } from './keys.ts'
import type { SimulatedProcess } from './process.ts'
import { configurationAt, type RealmConfiguration, type RegisteredClient, realmId } from './realm-history.ts'
import { request } from './request.ts'
import { urlOf } from './setup.ts'
import { committedRows, type World } from './world.ts'

type Change = (configuration: RealmConfiguration, version: number) => RealmConfiguration

/** Writes the next version of the realm, as every change of a realm, a client or a key does. */
async function writeConfiguration(world: World, tx: Tx, change: Change): Promise<void> {
  const query = tx.db.selectFrom('realm').select('version').where('id', '=', realmId)
  const row = await withLock(tx, query, 'for no key update').executeTakeFirstOrThrow()
  const current = configurationAt(world.realm, row.version)
  const next = row.version + 1
  world.realm.configurations.set(next, change(current, next))
  await changeRealm(tx, realmId)
}

function administer(
  world: World,
  what: string,
  work: (process: SimulatedProcess, tx: Tx) => Promise<unknown>,
): void {
  request(world, async (process) => {
    await process.stores.admin.transact((tx) => work(process, tx))
    world.history.add(`${world.scheduler.now} ${what}`)
  })
}

/** A new key is published now and signs ten minutes later (I8). */
export function rotateKey(world: World): void {
  const algorithm: SigningAlgorithm = world.random.pick(['RS256', 'ES256', 'EdDSA'])
  const leadMs = world.planted?.keyLeadMs ?? keyPublishLeadMs
  administer(world, `rotates ${algorithm}`, (process, tx) =>
    writeConfiguration(world, tx, (configuration, version) => {
      const usableAt = process.ambient.clock.now() + leadMs
      const key = simulatedKey(`key-${version}`, algorithm, 100 + version, usableAt)
      return { ...configuration, keys: [...configuration.keys, key] }
    }),
  )
}

export function changeRegistration(world: World, what: 'url' | 'algorithm' | 'deleted'): void {
  const { clientId } = world.random.pick(world.plan.clients)
  const algorithm: SigningAlgorithm = world.random.pick(['RS256', 'ES256', 'EdDSA'])
  const changed = (client: RegisteredClient, version: number): RegisteredClient => {
    if (what === 'algorithm') return { ...client, algorithm }
    if (what === 'deleted') return { ...client, isDeleted: true }
    return client.url === undefined ? client : { ...client, url: urlOf(world, clientId, version) }
  }
  administer(world, `changes ${what} of ${clientId}`, async (process, tx) => {
    await writeConfiguration(world, tx, (configuration, version) => {
      const client = configuration.clients.get(clientId) as RegisteredClient
      const clients = new Map(configuration.clients).set(clientId, changed(client, version))
      return { ...configuration, clients }
    })
    if (what !== 'url') return
    const change = { realmId, clientId, actor: 'admin', reason: 'address' }
    await addressChanged(tx, depsOf(process), change, process.ambient.clock.now())
  })
}

function depsOf({ ambient }: SimulatedProcess) {
  return { random: ambient.random, gate: ambient.gate }
}

/** The operator lets the private address in; what was blocked is tried again (D7). */
export function letPrivateIn(world: World): void {
  world.allowsPrivate = true
  administer(world, 'lets private addresses in', (process, tx) => {
    const change = { realmId, actor: 'egress policy', reason: 'allowed' }
    return renewBlocked(depsOf(process), tx, change, process.ambient.clock.now())
  })
}

export function replay(world: World): void {
  const ids = [...committedRows(world, 'delivery').keys()]
  const one = ids.length > 0 ? world.random.pick(ids) : undefined
  const scope: RedeliverScope =
    one !== undefined && world.random.chance(0.6) ? { kind: 'deliveries', ids: [one] } : { kind: 'untold' }
  request(world, async (process) => {
    const deps = { store: process.stores.admin, ...depsOf(process) }
    const command = { realmId, scope, actor: 'admin', reason: 'again' }
    const again = world.planted?.redeliver ?? redeliver
    const result = await again(deps, command, process.ambient.clock.now())
    world.history.add(`${world.scheduler.now} replays ${JSON.stringify(result)}`)
  })
}

export function tryNowAll(world: World): void {
  const deliveryIds = [...committedRows(world, 'delivery').keys()]
  request(world, (process) =>
    tryNow(process.stores.admin, { realmId, deliveryIds }, process.ambient.clock.now()),
  )
}
