/**
 * What ill applications do to the others (L-05, I10): the same sign-outs, first with every application well, then
 * with a quarter of them ill, then with all of them behind one origin, as behind a gateway.
 */
import type { DatabaseKind } from '../support/database.ts'
import { type Acknowledgements, acknowledgedP99Of, endSessions, warmUp } from '../support/end-sessions.ts'
import { figuresOf } from '../support/figures.ts'
import { fillSessions } from '../support/fill-sessions.ts'
import { percentilesOf } from '../support/percentiles.ts'
import { accepting, type Behaviour, type Receipt, type Receivers } from '../support/receivers.ts'
import { openStage } from '../support/stage.ts'
import { readTold, type Told, toldTimesOf } from '../support/told-times.ts'
import type { PartOptions } from './part.ts'

const applicationCount = 50
/** 10 % that never answer, 10 % that drip, 5 % that answer 503. */
const ill: readonly Behaviour[] = [
  ...Array<Behaviour>(5).fill('never_answer'),
  ...Array<Behaviour>(5).fill('drip'),
  ...Array<Behaviour>(3).fill('unavailable'),
]
const illSeconds = 30
/** Ten seconds are 10,000 notices. */
const wellSeconds = 10
/** After the last sign-out: whoever has not been told by then is late by more than any bar. */
const patienceMs = 20_000
/** The last answers that came are stored. */
const settleMs = 1000

interface Setting {
  readonly title: string
  readonly illBehaviours: readonly Behaviour[]
  readonly isOneOrigin: boolean
  readonly seconds: number
}

const well: Setting = { title: 'all well', illBehaviours: [], isOneOrigin: false, seconds: wellSeconds }
const besideIll = { illBehaviours: ill, seconds: illSeconds }

export async function measureIsolation(kind: DatabaseKind, options: PartOptions): Promise<void> {
  const alone = await measureSetting(kind, options, well)
  for (const setting of [
    { ...besideIll, title: 'a quarter ill', isOneOrigin: false },
    { ...besideIll, title: 'a quarter ill, one origin', isOneOrigin: true },
  ]) {
    const beside = await measureSetting(kind, options, setting)
    const print = figuresOf('isolation', kind)
    print(`p99 more than with all well, ${setting.title}`, Math.max(0, beside - alone), 'ms', { below: 500 })
  }
}

/** @returns the p99 of the healthy applications, in milliseconds */
async function measureSetting(
  kind: DatabaseKind,
  { scale, signOutsPerSecond }: PartOptions,
  setting: Setting,
): Promise<number> {
  const { illBehaviours, isOneOrigin } = setting
  const healthyCount = applicationCount - illBehaviours.length
  const behaviours = [...accepting(healthyCount), ...illBehaviours]
  const sessionCount = Math.ceil(signOutsPerSecond * setting.seconds * scale)
  const fill = { prefix: 'person', sessionCount, applicationCount }
  await using stage = await openStage(kind, {
    behaviours,
    isOneOrigin,
    fill: (realm) => fillSessions(realm, fill),
  })
  const { receivers, realm, administrator } = stage
  await warmUp(stage, healthyCount)
  const acknowledged = await endSessions(administrator, fill, signOutsPerSecond)
  const receipts = await takeUntil(receivers, sessionCount * healthyCount)
  await new Promise((resolve) => setTimeout(resolve, settleMs))
  const healthy = new Set(realm.clients.slice(0, healthyCount).map(({ clientId }) => clientId))
  const told = (await readTold(realm, receipts, fill)).filter(({ clientId }) => healthy.has(clientId))
  return report(kind, setting.title, { told, acknowledged })
}

/** The receipts so far, when all have come or nobody need wait any longer. */
async function takeUntil(receivers: Receivers, count: number): Promise<readonly Receipt[]> {
  await receivers.untilReceived(count, patienceMs).catch(() => undefined)
  return receivers.takeReceipts()
}

interface Outcome {
  readonly told: readonly Told[]
  readonly acknowledged: Acknowledgements
}

function report(kind: DatabaseKind, title: string, { told, acknowledged }: Outcome): number {
  const { p50, p99 } = percentilesOf(toldTimesOf(told))
  const missed = told.filter(({ state, toldMs }) => state !== 'accepted' || toldMs === undefined)
  const print = figuresOf('isolation', kind)
  print(`deliveries offered, ${title}`, offeredPerSecond(acknowledged), '/s')
  print(`sign-out acknowledged p99, ${title}`, acknowledgedP99Of(acknowledged), 'ms')
  print(`healthy told after commit p50, ${title}`, p50, 'ms')
  print(`healthy told after commit p99, ${title}`, p99, 'ms', { below: 500 })
  print(`healthy not accepted, ${title}`, missed.length, '', { atMost: 0 })
  return p99
}

/** From the first request to the last: a machine that is too slow for the pace shows it here. */
function offeredPerSecond(acknowledged: Acknowledgements): number {
  const askedAt = [...acknowledged.values()].map((one) => one.askedAt).toSorted((a, b) => a - b)
  const seconds = ((askedAt.at(-1) ?? 0) - (askedAt[0] ?? 0)) / 1000
  return ((askedAt.length - 1) * applicationCount) / seconds
}
