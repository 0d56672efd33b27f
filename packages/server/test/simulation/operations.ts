/** Who does what, and when: people, applications and administrators, each request at some process. */
import { expireSessions } from '../../src/sign-out/expire-sessions.ts'
import { type Alongside, signOut } from '../../src/sign-out/sign-out.ts'
import type { SignOutCommand, SignOutResult, SignOutScope } from '../../src/sign-out/sign-out-command.ts'
import { changeRegistration, letPrivateIn, replay, rotateKey, tryNowAll } from './administration.ts'
import { checkAcknowledged } from './check/answer-check.ts'
import { authorize, type Derived, exchange, refresh, signIn } from './derive.ts'
import { stepClock } from './faults.ts'
import { signOutDeps } from './process.ts'
import { realmId } from './realm-history.ts'
import { request } from './request.ts'
import type { HeldArtifact } from './setup.ts'
import { look } from './view.ts'
import { later, type World } from './world.ts'

/** Everything collides at one instant, give or take some milliseconds, so that few steps lie between. */
export function planOperations(world: World, held: readonly HeldArtifact[]): void {
  const { plan, random } = world
  if (plan.isDuel) {
    planDuel(world, held)
    return
  }
  const collisionMs = random.between(20, 300)
  const at = (): number =>
    random.chance(0.7) ? collisionMs + random.below(6) : random.between(0, plan.chaosMs)
  for (const { kind, id } of held) {
    const count = random.pick([0, 1, 1, 1, 2])
    for (let index = 0; index < count; index++) later(world, at(), () => spend(world, kind, id, 2))
  }
  const ids = plan.clients.map(({ clientId }) => clientId).filter((id) => id !== 'outsider')
  for (const { uid } of plan.sessions) {
    for (let count = random.pick([0, 1, 1, 2, 3]); count > 0; count--) {
      const clientId = random.pick(ids)
      later(world, at(), () => join(world, uid, clientId))
    }
  }
  planSignOuts(world, at)
  if (plan.sessions.some(({ idleEndsMs }) => idleEndsMs !== undefined)) later(world, at(), () => sweep(world))
  planRest(world, at)
}

/** One that takes something from a session, or ends it too, against one that ends it. */
function planDuel(world: World, held: readonly HeldArtifact[]): void {
  const { random } = world
  const uid = 's0'
  const clientId = 'app0'
  const enders: readonly (() => void)[] = [
    () => endSession(world, uid),
    () => endSession(world, uid),
    () => end(world, { kind: 'application', sessionUid: uid, clientId }, 'ordinary'),
    () => endAccount(world),
    () => end(world, { kind: 'realm' }, 'ordinary'),
    () => end(world, { kind: 'realm' }, 'ordinary'),
    () => sweep(world),
  ]
  const takers: readonly (() => void)[] = [
    ...held.map(
      ({ kind, id }) =>
        () =>
          spend(world, kind, id, 0),
    ),
    () => join(world, uid, clientId),
    random.pick(enders),
  ]
  later(world, 20, random.pick(takers))
  later(world, 20 + random.below(2), random.pick(enders))
  if (random.chance(0.3)) later(world, 20, random.pick(takers))
  if (random.chance(0.5)) later(world, random.pick([25, 1100, 1110]), () => look(world))
}

function planSignOuts(world: World, at: () => number): void {
  const { plan, random } = world
  const [first] = plan.sessions
  if (first && random.chance(0.9)) {
    for (let count = random.pick([1, 1, 2, 2, 3]); count > 0; count--) {
      later(world, at(), () => endSession(world, first.uid))
    }
  }
  if (random.chance(0.15)) {
    const { uid, joined } = random.pick(plan.sessions)
    const clientId = joined[0]
    if (clientId !== undefined) {
      later(world, at(), () => end(world, { kind: 'application', sessionUid: uid, clientId }, 'ordinary'))
    }
  }
  if (random.chance(plan.isCrowd ? 0.6 : 0.1)) later(world, at(), () => endAccount(world))
  if (random.chance(0.2)) {
    later(world, at(), () => end(world, { kind: 'realm' }, random.pick(['ordinary', 'security'])))
  }
}

function planRest(world: World, at: () => number): void {
  const { plan, random } = world
  if (random.chance(0.25)) {
    const uid = `n${random.below(1000)}`
    later(world, at(), () => begin(world, uid))
  }
  const sometimes = (probability: number, run: () => void): void => {
    if (random.chance(probability)) later(world, at() + random.pick([0, 0, 3000, 20_000]), run)
  }
  sometimes(0.15, () => rotateKey(world))
  sometimes(0.2, () => changeRegistration(world, 'url'))
  sometimes(0.2, () => changeRegistration(world, 'algorithm'))
  sometimes(0.05, () => changeRegistration(world, 'deleted'))
  sometimes(0.2, () => replay(world))
  sometimes(0.2, () => replay(world))
  sometimes(0.1, () => tryNowAll(world))
  if (plan.clients.some(({ isBlocked }) => isBlocked)) sometimes(0.8, () => letPrivateIn(world))
  for (let count = random.below(4); count > 0; count--) sometimes(0.9, () => look(world))
  for (let count = plan.stepCount; count > 0; count--) later(world, at(), () => stepClock(world))
}

function spend(world: World, kind: HeldArtifact['kind'], id: string, depth: number): void {
  request(world, async (process) => {
    const run = kind === 'AuthorizationCode' ? exchange : refresh
    const result = await run(world, process, id)
    follow(world, result, 'RefreshToken', depth)
  })
}

/** What was given is used soon. */
function follow(world: World, result: Derived, kind: HeldArtifact['kind'], depth: number): void {
  if (!result.ok || depth === 0 || world.random.chance(0.4)) return
  later(world, world.random.pick([0, 1, 3, 500]), () => spend(world, kind, result.id, depth - 1))
}

function join(world: World, uid: string, clientId: string): void {
  request(world, async (process) => {
    follow(world, await authorize(world, process, uid, clientId), 'AuthorizationCode', 1)
  })
}

function begin(world: World, uid: string): void {
  request(world, async (process) => {
    const result = await signIn(world, process, uid, world.random.pick(['alice', 'bob']))
    if (!result.ok) return
    const clientId = world.random.pick(world.plan.clients.map((client) => client.clientId))
    if (clientId !== 'outsider')
      later(world, world.random.pick([0, 2, 400]), () => join(world, uid, clientId))
  })
}

/** The expiry sweep at this very moment, beside everything else. */
function sweep(world: World): void {
  request(world, (process) => expireSessions(signOutDeps(world, process, 'job')))
}

const causes = [
  { cause: 'rp_initiated', initiator: 'user' },
  { cause: 'account_page', initiator: 'user' },
  { cause: 'administrator', initiator: 'admin' },
  { cause: 'legacy_refresh_token', initiator: 'app' },
] as const

function endSession(world: World, sessionUid: string): void {
  end(world, { kind: 'session', sessionUid }, 'ordinary')
}

/** An administrator disables the account: the account's row first, every session after it (SR-06). */
function endAccount(world: World): void {
  const accountId = 'alice'
  const isSecurity = world.random.chance(0.5)
  const alongside: Alongside = isSecurity
    ? {
        before: async (tx) => {
          await tx.db.updateTable('account').set({ enabled: 0 }).where('id', '=', accountId).execute()
        },
      }
    : {}
  end(world, { kind: 'account', accountId }, isSecurity ? 'security' : 'ordinary', alongside)
}

function end(
  world: World,
  scope: SignOutScope,
  kind: SignOutCommand['kind'],
  alongside: Alongside = {},
): void {
  const command: SignOutCommand = {
    realmId,
    scope,
    kind,
    ...world.random.pick(causes),
    actor: { accountId: 'alice', ipAddress: '127.0.0.1' },
  }
  if (scope.kind === 'session') world.targeted.add(scope.sessionUid)
  const ask = (): void =>
    request(
      world,
      async (process) => {
        const deps = signOutDeps(world, process)
        const result = world.planted?.signOut
          ? await world.planted.signOut(deps, command, alongside)
          : await signOut(deps, command, alongside)
        acknowledge(world, scope, result)
      },
      // R12: nobody knows whether it was done; the caller asks again
      ask,
    )
  ask()
}

function acknowledge(world: World, scope: SignOutScope, result: SignOutResult): void {
  world.history.add(`${world.scheduler.now} ${JSON.stringify(scope)} ${JSON.stringify(result)}`)
  if (!result.ok) return
  const sessionUid = scope.kind === 'session' ? scope.sessionUid : undefined
  const acknowledged = { signOutId: result.signOutId, sessionUid, isFirst: result.isFirst }
  world.acknowledged.push(acknowledged)
  checkAcknowledged(world, acknowledged)
}
