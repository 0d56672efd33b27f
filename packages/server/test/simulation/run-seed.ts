/** One seed, from nothing to rest: the same seed and the same flag give the same history. */
import { checkCommit } from './check/commit-check.ts'
import { checkFinal, deadlineOf, isAtRest } from './check/final-check.ts'
import { planCrashes, planFreezes } from './faults.ts'
import { createHistory } from './history.ts'
import { createNetwork } from './network.ts'
import { planOperations } from './operations.ts'
import { drawMemberCountMax, makePlan } from './plan.ts'
import type { Planted } from './planted/planted.ts'
import { createProcess } from './process.ts'
import type { Owner } from './scheduler.ts'
import { Scheduler } from './scheduler.ts'
import { seededRandom } from './seeded-random.ts'
import { setUp } from './setup.ts'
import { Engine } from './store/engine.ts'
import { Slots } from './store/simulated-store.ts'
import type { World } from './world.ts'

export interface SeedResult {
  readonly seed: number
  /** Undefined when every invariant held. */
  readonly failure: { readonly invariant: string; readonly message: string } | undefined
  readonly hash: string
  readonly stepCount: number
  readonly lines: readonly string[]
}

export interface SeedOptions {
  readonly planted?: Planted | undefined
  readonly keepsLines?: boolean
}

const startedAt = 1_760_000_000_000
/** A run that takes more steps than this does not come to rest. */
const stepCountMax = 400_000

/** Serves all seeds of a process: the schema is made and its statements are prepared once. */
export interface Stage {
  readonly engine: Engine
  readonly slots: Slots
}

/** Far more than a run has processes and open transactions. */
const slotCount = 600

export async function createStage(): Promise<Stage> {
  const engine = new Engine()
  await engine.migrate()
  const slots = new Slots()
  slots.fill(slotCount)
  return { engine, slots }
}

export async function runSeed(stage: Stage, seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const { engine } = stage
  engine.clear()
  stage.slots.reset()
  const world = createWorld(stage, seed, options)
  engine.onCommit = (changes) => {
    try {
      noteRealm(world)
      checkCommit(world, changes)
    } catch (error) {
      // not thrown into the product, which survives faults of its database
      world.scheduler.fail(error)
    }
  }
  engine.onForeign = (error) => world.scheduler.fail(error)
  const held = setUp(world)
  planCrashes(world)
  planFreezes(world)
  for (let count = 0; count < world.plan.processCount; count++) world.startProcess()
  planOperations(world, held)
  let failure: SeedResult['failure']
  try {
    await world.scheduler.run(() => isOver(world))
    checkFinal(world)
  } catch (error) {
    failure = failureOf(error)
    world.history.add(failure.message)
  }
  for (const process of world.processes) process.isAlive = false
  const { stepCount } = world.scheduler
  return { seed, failure, hash: world.history.hash(), stepCount, lines: world.history.lines }
}

function createWorld({ engine, slots }: Stage, seed: number, options: SeedOptions): World {
  const random = seededRandom(seed, 1)
  const plan = makePlan(random)
  const owner: Owner = { isAlive: true, isFrozen: false, parked: [] }
  const world = {
    seed,
    plan,
    memberCountMax: drawMemberCountMax(seededRandom(seed, 4)),
    random,
    productRandom: seededRandom(seed, 2),
    scheduler: new Scheduler(seededRandom(seed, 3), startedAt),
    engine,
    slots,
    history: createHistory(options.keepsLines ?? false),
    planted: options.planted,
    owner,
    processes: [],
    realm: {
      configurations: new Map(),
      committedAt: new Map(),
      version: 0,
      clientSessionMaxSeconds: plan.clientSessionMaxSeconds,
    },
    members: new Map(),
    acknowledged: [],
    targeted: new Set<string>(),
    crashPlans: [],
    freezePlans: [],
    startedAt,
    pendingCount: 0,
    allowsPrivate: false,
    used: new Set<string>(),
  } satisfies Omit<World, 'network' | 'startProcess'>
  const whole = world as unknown as World
  whole.network = createNetwork(whole)
  whole.startProcess = () => void createProcess(whole)
  return whole
}

function noteRealm(world: World): void {
  const version = Number(world.engine.committed.get('realm')?.get('r1')?.['version'] ?? 1)
  if (version === world.realm.version) return
  world.realm.version = version
  world.realm.committedAt.set(version, world.scheduler.now)
}

function isOver(world: World): boolean {
  const { scheduler } = world
  if (scheduler.stepCount % 32 !== 0) return false
  if (scheduler.stepCount > stepCountMax) throw new Error('I16: the run does not come to rest')
  return isAtRest(world) || scheduler.now > deadlineOf(world)
}

function failureOf(error: unknown): { invariant: string; message: string } {
  const message = error instanceof Error ? error.message : String(error)
  const invariant = /^(I\d+):/.exec(message)?.[1] ?? 'error'
  const stack = invariant === 'error' && error instanceof Error ? `${error.stack}` : message
  return { invariant, message: invariant === 'error' ? stack : message }
}
