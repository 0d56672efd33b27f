/**
 * The only place where parts are built and joined. Reads as a page: what is opened, who is given what, what is
 * started, and how it ends.
 */
import { hostname } from 'node:os'
import { createPasswordPool, type PasswordPool } from './account/password-pool.ts'
import type { Ambient } from './ambient/ambient.ts'
import { randomId } from './ambient/random.ts'
import { addressJudge } from './compose/address-judge.ts'
import { composeDelivery, coreCount } from './compose/compose-delivery.ts'
import { type ComposedHttp, composeHttp } from './compose/compose-http.ts'
import { composeTelemetry } from './compose/compose-telemetry.ts'
import { type Life, lifeOf } from './compose/life.ts'
import { listen } from './compose/listen.ts'
import { prepareMaster } from './compose/prepare-master.ts'
import type { Settings } from './config/schema.ts'
import type { ServerSecret } from './key/seal.ts'
import type { ImportDeps } from './realm/import/import-realm.ts'
import type { Realms } from './realm/realm.ts'
import { createRealms } from './realm/realms.ts'
import { createOutboundHttp } from './sender/outbound-http.ts'
import { readOutboundSettings } from './sender/read-outbound-settings.ts'
import type { SignOutDeps } from './sign-out/sign-out.ts'
import { endProcess } from './store/process.ts'
import { openStore, type Store } from './store/store.ts'
import { takeWorkerName } from './store/worker-name.ts'

export interface World {
  readonly ambient: Ambient
  readonly secret: ServerSecret
  readonly env: Readonly<Record<string, string | undefined>>
  /** Default: as costly as security asks for, and as many at once as the machine has cores for. */
  readonly passwords?: PasswordPool
}

export interface ComposedServer extends Life {
  readonly ambient: Ambient
  readonly settings: Settings
  readonly store: Store
  readonly realms: Realms
  readonly importDeps: ImportDeps
  /** The public address, without a trailing slash. */
  readonly url: string
  readonly http: ComposedHttp
}

/**
 * Builds the server.
 * @throws CURFEW_CONFIG_INVALID, CURFEW_STORE_LOCKED, CURFEW_STORE_UNAVAILABLE, CURFEW_KEY_UNSEAL_FAILED
 */
export async function compose(settings: Settings, world: World): Promise<ComposedServer> {
  const { secret } = world
  // closed again when a later part refuses its settings: what stays open keeps the process from ending
  await using opened = new AsyncDisposableStack()
  const listening = opened.adopt(await listen(settings), (held) => held.release())
  const { url } = listening
  const processId = randomId(world.ambient.random, 'p_', 96)
  const store = opened.use(await open(settings, processId, world.ambient))
  // one that is refused its settings is nobody to wait for
  opened.defer(() => endProcess(store, processId).catch(() => undefined))
  const worker = opened.use(takeWorkerName(settings.data, hostname(), world.ambient.random))
  // R18: processes on one database agree on the time, whatever their machines say
  const ambient: Ambient = { ...world.ambient, clock: store.clock }
  const outboundSettings = readOutboundSettings(settings, new URL(url), world.env)
  const outbound = opened.adopt(createOutboundHttp({ ...ambient, settings: outboundSettings }), (http) =>
    http.close(),
  )
  const masterPasswordGrant = settings.master_password_grant ?? settings.dev
  const realms = createRealms({ store, secret, ambient, baseUrl: url, masterPasswordGrant })
  const passwords = world.passwords ?? createPasswordPool(ambient, { coreCount: coreCount() })
  await prepareMaster({ store, realms, passwords, secret, ...ambient }, settings)
  const { metrics, events, listeners, joinDispatcher } = composeTelemetry(
    { store, ambient, poolCount: () => outbound.poolCount() },
    settings,
  )
  const signOut: SignOutDeps = { ...events, ...listeners, store, realms, ambient }
  const { dispatcher, feed, renewAllowed } = composeDelivery(
    { store, realms, ambient, worker, outbound, events, metrics },
    settings,
  )
  joinDispatcher(dispatcher)
  const parts = { store, realms, ambient, outbound, passwords, secret, events, signOut, feed, metrics, url }
  const http = await composeHttp(parts, settings)
  const importDeps = { store, secret, random: ambient.random, isAddressAllowed: addressJudge(outbound) }
  const life = lifeOf({ ...parts, processId, worker, dispatcher, renewAllowed, http, listening }, settings)
  opened.move()
  return { ...parts, settings, http, importDeps, ...life }
}

function open(settings: Settings, processId: string, ambient: Ambient): Promise<Store> {
  return openStore(
    {
      processId,
      dataDir: settings.data,
      databaseUrl: settings['database.url'],
      connectionCountMax: settings['database.connection_count_max'],
    },
    ambient,
  )
}
