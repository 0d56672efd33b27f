/** One server process: its ambient world, its store, its dispatcher and its background jobs, all the product's own. */
import type { Ambient } from '../../src/ambient/ambient.ts'
import type { Clock } from '../../src/ambient/clock.ts'
import { silentLog } from '../../src/ambient/log.ts'
import { startBackground } from '../../src/background/background.ts'
import { defaultDeliverySettings } from '../../src/delivery/delivery.ts'
import { Dispatcher } from '../../src/delivery/dispatcher.ts'
import type { Realms } from '../../src/realm/realm.ts'
import type { Channel } from '../../src/rp/client.ts'
import { createOidcBackchannelSender } from '../../src/sender/oidc-back-channel/oidc-back-channel.ts'
import type { Sender } from '../../src/sender/sender.ts'
import { expireSessions } from '../../src/sign-out/expire-sessions.ts'
import type { SignOutDeps } from '../../src/sign-out/sign-out.ts'
import { spreadSignOut } from '../../src/sign-out/spread-sign-out.ts'
import { createCorrectedClock } from '../../src/store/postgres/database-clock.ts'
import type { Store } from '../../src/store/store.ts'
import { createWakeBus, type WakeBus } from '../../src/store/wake.ts'
import { diesAt, freezesAt } from './faults.ts'
import { simulatedRealms } from './realm-history.ts'
import type { Owner } from './scheduler.ts'
import type { Turns } from './store/engine.ts'
import { connectionLost, createSimulatedStore } from './store/simulated-store.ts'
import { notifyAll, type World } from './world.ts'

/** Which part of the product a transaction belongs to: where it can be hit, and where a bug can be planted. */
const storeLabels = [
  'signOut',
  'signIn',
  'authorize',
  'exchange',
  'refresh',
  'delivery',
  'job',
  'admin',
  'view',
] as const
export type StoreLabel = (typeof storeLabels)[number]

export interface SimulatedProcess extends Owner {
  readonly name: string
  readonly turns: Turns
  readonly bus: WakeBus
  readonly ambient: Ambient
  readonly realms: Realms
  readonly dispatcher: Dispatcher
  readonly stores: Readonly<Record<StoreLabel, Store>>
  clockOffsetMs: number
  wasFrozen: boolean
  /** Requests that it is working on. */
  openCount: number
}

export function createProcess(world: World): SimulatedProcess {
  const { plan, random, scheduler } = world
  const name = `p${world.processes.length}`
  const bus = createWakeBus()
  const owner = {
    name,
    bus,
    isAlive: true,
    isFrozen: false,
    parked: [] as (() => void)[],
    clockOffsetMs: random.between(-plan.clockOffsetMsMax, plan.clockOffsetMsMax),
    wasFrozen: false,
    openCount: 0,
  }
  const turns: Turns = {
    now: () => scheduler.now,
    soon: (run) => scheduler.soon(owner, run),
    after: (delayMs, run) => scheduler.after(owner, delayMs, run),
  }
  const partial = Object.assign(owner, { turns })
  const ambient = ambientOf(world, partial as unknown as SimulatedProcess)
  const process = Object.assign(partial, { ambient }) as unknown as SimulatedProcess
  const stores = storesOf(world, process)
  const realms = simulatedRealms(world.realm, stores.view, () => ambient.clock.now())
  Object.assign(process, { stores, realms })
  Object.assign(process, { dispatcher: startDispatcher(world, process) })
  startJobs(world, process)
  world.processes.push(process)
  world.history.add(`${scheduler.now} ${name} starts`)
  return process
}

function ambientOf(world: World, process: SimulatedProcess): Ambient {
  const { scheduler, random, plan } = world
  return {
    clock: clockOf(world, process),
    timer: { after: (delayMs, run) => scheduler.after(process, delayMs, run) },
    random: world.productRandom,
    log: silentLog,
    gate(name) {
      if (diesAt(world, process, name)) return new Promise<void>(() => undefined)
      freezesAt(world, process, name)
      if (!process.isFrozen && !random.chance(plan.gateWaitShare)) return undefined
      return new Promise((resolve) => scheduler.after(process, random.between(0, 40), resolve))
    },
  }
}

/** The machine's clock is as wrong as the run has it; what the product makes of it is the product's. */
function clockOf({ scheduler, planted }: World, process: SimulatedProcess): Clock {
  const machine = { now: () => scheduler.now + process.clockOffsetMs, elapsedMs: () => scheduler.now }
  if (planted?.trustsMachineClock) return machine
  const corrected = createCorrectedClock(machine, silentLog)
  corrected.hear(scheduler.now, scheduler.now, scheduler.now)
  return corrected
}

function storesOf(world: World, process: SimulatedProcess): Readonly<Record<StoreLabel, Store>> {
  const { planted } = world
  const make = (label: StoreLabel): Store => {
    const rewrite = planted?.rewrite
    const store = createSimulatedStore({
      engine: world.engine,
      turns: process.turns,
      slots: world.slots,
      notify: (channel, payload) => notifyAll(world, channel, payload),
      onWake: (channel, heard) => process.bus.on(channel, heard),
      atEdge(edge) {
        if (diesAt(world, process, `${label}/${edge}`)) return
        if (world.random.chance(world.plan.faultShare)) throw connectionLost()
      },
      ...(rewrite ? { rewrite: (query) => ({ ...query, sql: rewrite(query.sql, label) }) } : {}),
    })
    return planted?.store ? planted.store(store, label, world, process) : store
  }
  return Object.fromEntries(storeLabels.map((label) => [label, make(label)])) as Record<StoreLabel, Store>
}

function startDispatcher(world: World, process: SimulatedProcess): Dispatcher {
  const { plan, planted } = world
  const outbound = {
    post: world.network.postFrom(process),
    policyFor: () => world.network.policy(),
  }
  const real = createOidcBackchannelSender({
    realms: process.realms,
    outbound,
    random: world.productRandom,
    clock: process.ambient.clock,
  })
  const sender = planted?.sender ? planted.sender(real, world, process) : real
  const dispatcher = new Dispatcher({
    store: process.stores.delivery,
    ambient: process.ambient,
    senders: new Map<Channel, Sender>([[sender.channel, sender]]),
    settings: {
      ...defaultDeliverySettings,
      slotCount: plan.slotCount,
      leasedPerEndpointMax: plan.leasedPerEndpointMax,
      pollIntervalMs: plan.pollIntervalMs,
    },
    owner: process.name,
  })
  dispatcher.start()
  return dispatcher
}

export function signOutDeps(
  { memberCountMax }: World,
  process: SimulatedProcess,
  label: 'signOut' | 'job' | 'admin' = 'signOut',
): SignOutDeps {
  const { ambient, realms, stores } = process
  const store = stores[label]
  return { store, ambient, realms, random: ambient.random, log: ambient.log, memberCountMax }
}

export const expiryIntervalMs = 15_000

function startJobs(world: World, process: SimulatedProcess): void {
  const deps = signOutDeps(world, process, 'job')
  const intervalMs = world.plan.pollIntervalMs / 2
  startBackground(process.ambient, [
    {
      name: 'expire sessions',
      intervalMs: expiryIntervalMs,
      run: async () =>
        (await (world.planted?.expire ? world.planted.expire(deps) : expireSessions(deps))) > 0,
    },
    { name: 'spread sign-outs', intervalMs, run: () => spreadSignOut(deps) },
  ])
}
