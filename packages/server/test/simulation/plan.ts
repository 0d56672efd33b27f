/** What a seed decides before anything runs: how many of what, which faults, and when. */
import type { SigningAlgorithm } from '../../src/key/key.ts'
import type { SeededRandom } from './seeded-random.ts'

export const receiverModes = [
  'up',
  'refused',
  'hangs',
  'slow',
  'answer_lost',
  'status_500_acted',
  'status_500',
  'status_429',
  'status_400',
  'status_410',
  'status_302',
  'status_202',
  'flapping',
] as const
export type ReceiverMode = (typeof receiverModes)[number]

export interface ClientPlan {
  readonly clientId: string
  readonly algorithm: SigningAlgorithm
  readonly hasChannel: boolean
  /** Its registered address is private and the policy forbids it until the operator allows it. */
  readonly isBlocked: boolean
  /** What its receiver does, from when on. */
  readonly modes: readonly { readonly fromMs: number; readonly mode: ReceiverMode }[]
}

export interface SessionPlan {
  readonly uid: string
  readonly accountId: string
  /** Clients that are in it before the chaos begins. */
  readonly joined: readonly string[]
  readonly idleEndsMs: number | undefined
}

export interface Plan {
  readonly processCount: number
  readonly clients: readonly ClientPlan[]
  readonly sessions: readonly SessionPlan[]
  readonly clientSessionMaxSeconds: number
  readonly pollIntervalMs: number
  readonly leasedPerEndpointMax: number
  readonly slotCount: number
  /** Two operations alone, at the same instant: few steps, so every order of them is met. */
  readonly isDuel: boolean
  readonly isCrowd: boolean
  readonly crashCount: number
  readonly crashesAtCommit: boolean
  readonly freezeCount: number
  readonly stepCount: number
  readonly wakeLossShare: number
  readonly faultShare: number
  readonly gateWaitShare: number
  readonly clockOffsetMsMax: number
  /** The chaos begins here and lasts a few seconds. */
  readonly chaosMs: number
}

/** Applications that one transaction signs out of: with few, sessions are wide (D18). A draw of its own. */
export function drawMemberCountMax(random: SeededRandom): number {
  return random.chance(0.25) ? random.pick([1, 1, 2]) : 5000
}

export function makePlan(random: SeededRandom): Plan {
  const isDuel = random.chance(0.35)
  const clientCount = random.between(1, isDuel ? 2 : 4)
  const clientSessionMaxSeconds = random.pick([20, 45, 45, 45, 45, 45, 45, 45, 120, 300, 1200])
  const clients = Array.from({ length: clientCount + 1 }, (_, index) =>
    makeClient(random, index === clientCount ? 'outsider' : `app${index}`, isDuel),
  )
  // a crowd fills the limits of one endpoint
  const isCrowd = !isDuel && random.chance(0.15)
  const sessionCount = sessionCountOf(random, isDuel, isCrowd)
  const ids = clients.map((client) => client.clientId).filter((id) => id !== 'outsider')
  const sessions = Array.from({ length: sessionCount }, (_, index) => ({
    uid: `s${index}`,
    accountId: index < 2 || isCrowd ? 'alice' : 'bob',
    joined: ids.filter((id) => (isCrowd ? id === 'app0' : isDuel || random.chance(0.7))),
    idleEndsMs: random.chance(0.2) ? random.pick([10, 10, 200, 5000]) : undefined,
  }))
  const hasCrashes = random.chance(isDuel ? 0.2 : 0.5)
  return {
    processCount: random.pick([1, 1, 2, 2, 2, 3]),
    clients,
    sessions,
    clientSessionMaxSeconds,
    pollIntervalMs: random.pick([3000, 15_000, 60_000]),
    leasedPerEndpointMax: random.pick([1, 2, 2, 3]),
    slotCount: random.pick([8, 256]),
    isDuel,
    isCrowd,
    crashCount: hasCrashes ? random.between(1, 3) : 0,
    crashesAtCommit: random.chance(0.7),
    freezeCount: random.chance(0.25) ? 1 : 0,
    stepCount: random.chance(0.1) ? 1 : 0,
    wakeLossShare: random.pick([0, 0, 0.2, 1]),
    faultShare: random.chance(0.2) ? 0.01 : 0,
    gateWaitShare: random.pick([0, 0.1, 0.3]),
    clockOffsetMsMax: random.pick([0, 500]),
    chaosMs: random.between(500, 3000),
  }
}

function sessionCountOf(random: SeededRandom, isDuel: boolean, isCrowd: boolean): number {
  if (isDuel) return 1
  return isCrowd ? random.between(4, 7) : random.pick([1, 1, 1, 2, 2, 3])
}

function makeClient(random: SeededRandom, clientId: string, isDuel: boolean): ClientPlan {
  const isBlocked = random.chance(0.05)
  return {
    clientId,
    algorithm: random.pick(['RS256', 'ES256', 'EdDSA']),
    hasChannel: random.chance(0.92),
    isBlocked,
    modes: isDuel && random.chance(0.7) ? [{ fromMs: 0, mode: 'up' }] : makeModes(random),
  }
}

function makeModes(random: SeededRandom): readonly { fromMs: number; mode: ReceiverMode }[] {
  if (random.chance(0.45)) return [{ fromMs: 0, mode: 'up' }]
  const modes: { fromMs: number; mode: ReceiverMode }[] = [{ fromMs: 0, mode: random.pick(receiverModes) }]
  let fromMs = 0
  for (let changes = random.between(0, 3); changes > 0; changes--) {
    fromMs += random.pick([1000, 5000, 30_000, 240_000])
    modes.push({ fromMs, mode: random.pick(receiverModes) })
  }
  if (random.chance(0.6)) {
    modes.push({ fromMs: fromMs + random.pick([2000, 20_000, 200_000]), mode: 'up' })
  }
  return modes
}
