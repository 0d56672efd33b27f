/** The network and the applications at its other end: what arrives, what they do, what they answer, what gets lost. */
import type { OutboundHttp, OutboundPost } from '../../src/sender/outbound-http.ts'
import type { OutboundPolicy } from '../../src/sender/outbound-policy.ts'
import type { SendOutcome } from '../../src/sender/sender.ts'
import { checkArrival, checkLeaving, type ReadToken, readToken } from './check/request-check.ts'
import type { ReceiverMode } from './plan.ts'
import type { SimulatedProcess } from './process.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { World } from './world.ts'

/** One request as it left. */
export interface SentRequest {
  readonly number: number
  readonly process: SimulatedProcess
  readonly deliveryId: string
  readonly clientId: string
  readonly url: string
  /** When it began to connect. */
  readonly askedAt: number
  readonly leftAt: number
  /** The lease under which the database saw it leave. */
  readonly leaseUntil: number
  /** What its sender read, once it did. */
  outcome: SendOutcome | undefined
  hasArrived: boolean
}

export interface Network {
  /** `change`: of what leaves, once there is a connection; for planted bugs. */
  postFrom(process: SimulatedProcess, change?: (request: LeavingPost) => LeavingPost): OutboundHttp['post']
  policy(): OutboundPolicy
  readonly requests: SentRequest[]
  readonly requestsOf: Map<string, SentRequest[]>
  /** How often an application ended its session because of a delivery. */
  readonly acted: Map<string, number>
  /** Deliveries with an accepting answer that a living sender has read. */
  readonly acceptedAnswers: Set<string>
  readonly usedTokenIds: Set<string>
  /** `sid`s that an application has ended. */
  readonly endedSids: Set<string>
}

const slowConnectShare = 0.1
/** The limit on connecting. */
const connectMsMax = 3000

export function createNetwork(world: World): Network {
  const network: Network = {
    requests: [],
    requestsOf: new Map(),
    acted: new Map(),
    acceptedAnswers: new Set(),
    usedTokenIds: new Set(),
    endedSids: new Set(),
    postFrom: (process, change) => (request, signal) => post({ world, process, change }, request, signal),
    policy: () => policyOf(world),
  }
  return network
}

function policyOf(world: World): OutboundPolicy {
  const openNetwork = {
    kind: 'cidr',
    cidr: { address: new Uint8Array([10, 0, 0, 0]), prefix: 8 },
    ports: 'any',
  }
  return {
    allow: world.allowsPrivate ? ([openNetwork] as unknown as OutboundPolicy['allow']) : [],
    ports: [443],
    allowLinkLocal: false,
    isDev: false,
    ownUrl: undefined,
  }
}

export function modeOf(world: World, clientId: string): ReceiverMode {
  const atMs = world.scheduler.now - world.startedAt
  const modes = world.plan.clients.find((client) => client.clientId === clientId)?.modes ?? []
  return modes.findLast(({ fromMs }) => fromMs <= atMs)?.mode ?? 'up'
}

/** A request whose body was there when it left. */
export type LeavingPost = OutboundPost & { readonly body: string }

interface Posting {
  readonly world: World
  readonly process: SimulatedProcess
  readonly change: ((request: LeavingPost) => LeavingPost) | undefined
}

/** `askedAt`: when it began to connect; what was read before that is what it was made of. */
export type AskedPost = LeavingPost & { readonly askedAt: number }

/** The body is read once there is a connection, which now and then takes its time. */
async function post(
  { world, process, change = (leaving) => leaving }: Posting,
  request: OutboundPost,
  signal: AbortSignal,
): Promise<SendOutcome> {
  const { random, scheduler } = world
  const askedAt = scheduler.now
  if (random.chance(slowConnectShare)) {
    const connectMs = random.between(1, connectMsMax)
    await new Promise<void>((resolve) => scheduler.after(process, connectMs, resolve))
    if (signal.aborted) return silence('net.aborted', false)
  }
  const body = typeof request.body === 'string' ? request.body : await request.body.read()
  return write(world, process, { ...change({ ...request, body }), askedAt }, signal)
}

function write(
  world: World,
  process: SimulatedProcess,
  request: AskedPost,
  signal: AbortSignal,
): Promise<SendOutcome> {
  const { network, scheduler } = world
  const token = readToken(request.body)
  const sent = leave(world, process, request, token)
  if (!sent) return new Promise(() => undefined)
  network.requests.push(sent)
  const own = network.requestsOf.get(sent.deliveryId) ?? []
  network.requestsOf.set(sent.deliveryId, own)
  own.push(sent)
  return new Promise((resolve) => {
    const answer = (delayMs: number, outcome: SendOutcome): void => {
      scheduler.after(process, delayMs, () => finish(outcome))
    }
    const finish = (outcome: SendOutcome): void => {
      if (sent.outcome) return
      sent.outcome = outcome
      if (outcome.kind === 'answered' && outcome.status >= 200 && outcome.status < 300) {
        network.acceptedAnswers.add(sent.deliveryId)
      }
      world.history.add(`${scheduler.now} ${sent.deliveryId} ${JSON.stringify(outcome)}`)
      resolve(outcome)
    }
    signal.addEventListener('abort', () => finish(silence('net.aborted', true)))
    const arrive = (doesAct: boolean): void => {
      scheduler.after(world.owner, world.random.between(1, 8), () => {
        sent.hasArrived = true
        checkArrival(world, sent, token)
        if (!doesAct) return
        network.acted.set(sent.deliveryId, (network.acted.get(sent.deliveryId) ?? 0) + 1)
        network.endedSids.add(token.claims.sid)
        world.history.add(`${scheduler.now} ${sent.clientId} ends ${token.claims.sid}`)
      })
    }
    behave(world, modeOf(world, sent.clientId), arrive, answer)
  })
}

/** A violation ends the run; thrown into the product, it would be one more failed try. */
function leave(
  world: World,
  process: SimulatedProcess,
  request: AskedPost,
  token: ReadToken,
): SentRequest | undefined {
  try {
    return checkLeaving(world, process, request, token)
  } catch (error) {
    world.scheduler.fail(error)
    return undefined
  }
}

type Arrive = (doesAct: boolean) => void
type Answer = (delayMs: number, outcome: SendOutcome) => void

/** What a receiver does with one request: whether it arrives and acts, and what its sender reads, and when. */
interface Behaviour {
  /** Undefined: it never arrives. */
  readonly doesAct: boolean | undefined
  readonly afterMs: number
  readonly outcome: SendOutcome
}

function behave(world: World, mode: ReceiverMode, arrive: Arrive, answer: Answer): void {
  const { doesAct, afterMs, outcome } = behaviourIn(world.random, mode)
  if (doesAct !== undefined) arrive(doesAct)
  answer(afterMs, outcome)
}

function behaviourIn(random: SeededRandom, mode: ReceiverMode): Behaviour {
  const soonMs = random.between(9, 30)
  switch (mode) {
    case 'up':
      return { doesAct: true, afterMs: soonMs, outcome: answered(200) }
    case 'flapping':
      return behaviourIn(random, random.chance(0.5) ? 'up' : 'refused')
    case 'refused':
      return { doesAct: undefined, afterMs: 1, outcome: silence('net.refused', false) }
    case 'hangs':
      return {
        doesAct: random.pick([undefined, true, false]),
        afterMs: 5000,
        outcome: silence('http.timeout', true),
      }
    case 'slow':
      return { doesAct: true, afterMs: random.between(500, 4500), outcome: answered(204) }
    case 'answer_lost':
      return { doesAct: true, afterMs: soonMs, outcome: silence('net.reset', true) }
    case 'status_500_acted':
      return { doesAct: true, afterMs: soonMs, outcome: answered(500) }
    case 'status_202':
      return { doesAct: true, afterMs: soonMs, outcome: answered(202) }
    case 'status_500':
    case 'status_429':
    case 'status_400':
    case 'status_410':
    case 'status_302':
      return { doesAct: false, afterMs: soonMs, outcome: answered(Number(mode.slice('status_'.length))) }
  }
}

function answered(status: number): SendOutcome {
  const retry = status === 429 ? { retryAfterSeconds: 7 } : {}
  return { kind: 'answered', status, answer: '', durationMs: 20, ...retry }
}

function silence(reason: string, hadConnection: boolean): SendOutcome {
  return { kind: 'no_answer', reason, detail: reason, hadConnection, durationMs: 20 }
}
