/**
 * The slow look beneath the wake-ups, once a second: leases that ran out, endpoints that have something due,
 * deliveries whose time is over, and the alert when a healthy endpoint is behind (D15).
 */
import type { Clock, Instant } from '../ambient/clock.ts'
import type { Log } from '../ambient/log.ts'
import type { Timer } from '../ambient/timer.ts'
import type { Channel } from '../rp/client.ts'
import type { Store } from '../store/store.ts'
import type { DeliverySettings } from './delivery.ts'
import { type EndedDelivery, endAtHorizon } from './end-at-horizon.ts'
import { restoreEndpoints } from './enqueue.ts'
import { findDueEndpoints, type WalkedEndpoint } from './find-due-endpoints.ts'
import { findOverdueEndpoints } from './overdue-endpoints.ts'
import { takeBackExpiredLeases } from './take-back-leases.ts'

export interface SweepDeps {
  readonly store: Store
  readonly clock: Clock
  readonly timer: Timer
  readonly log: Log
  readonly senders: { has(channel: Channel): boolean }
  readonly settings: Pick<DeliverySettings, 'pollIntervalMs'>
  plan(endpointId: string, at: Instant): void
  onEnded(ended: EndedDelivery): void
}

export interface Sweep {
  start(): void
  stop(): Promise<void>
  /** Looks now; joins a look that is under way. */
  run(): Promise<void>
  leaseExpiryCount(): number
}

const endpointsPerPage = 200
/** Endpoints met in one look; with more of them, a round takes several looks. */
const pagesPerLook = 10
const horizonIntervalMs = 5000
const overdueIntervalMs = 60_000

export function createSweep(deps: SweepDeps): Sweep {
  const { store, clock, timer, log } = deps
  let cancelTimer = (): void => undefined
  let running: Promise<void> | undefined
  let isStopped = true
  let afterId = ''
  let leaseExpiryCount = 0
  let horizonLookAt = 0
  let overdueLookAt = 0

  async function look(): Promise<void> {
    await takeBack()
    await planDueEndpoints()
    await endPassedHorizons()
    await alertOverdue()
  }

  async function takeBack(): Promise<void> {
    const taken = await takeBackExpiredLeases(store, clock.now())
    leaseExpiryCount += taken.length
    if (taken.length > 0) log.write('warn', 'delivery.lease_expired', { count: taken.length })
    for (const { endpointId, dueAt } of taken) deps.plan(endpointId, dueAt)
  }

  async function planDueEndpoints(): Promise<void> {
    for (let page = 0; page < pagesPerLook; page++) {
      const found = await findDueEndpoints(store.read, afterId, endpointsPerPage)
      const missing = found.filter(({ isMissing }) => isMissing).map(({ endpointId }) => endpointId)
      if (missing.length > 0) await store.transact((tx) => restoreEndpoints(tx, missing))
      for (const one of found) planWalked(one)
      afterId = found.length === endpointsPerPage ? (found.at(-1)?.endpointId ?? '') : ''
      if (afterId === '') return
    }
  }

  /** What a newer version has written for a channel of its own would be asked for in vain every second (R25). */
  function planWalked({ endpointId, dueAt, channel }: WalkedEndpoint): void {
    if (channel === undefined || deps.senders.has(channel as Channel)) deps.plan(endpointId, dueAt)
  }

  async function endPassedHorizons(): Promise<void> {
    const at = clock.now()
    if (at < horizonLookAt) return
    const ended = await endAtHorizon(store, at)
    for (const one of ended) deps.onEnded(one)
    // a full batch: go on with the next look
    horizonLookAt = ended.length > 0 ? at : at + horizonIntervalMs
  }

  async function alertOverdue(): Promise<void> {
    const at = clock.now()
    if (at < overdueLookAt) return
    overdueLookAt = at + overdueIntervalMs
    for (const { endpointId, waitingSeconds } of await findOverdueEndpoints(store.read, at)) {
      log.write('error', 'delivery.overdue', { endpoint: endpointId, waiting_seconds: waitingSeconds })
    }
  }

  function run(): Promise<void> {
    running ??= look()
      .catch((error) => log.write('warn', 'delivery.sweep_postponed', { error: String(error) }))
      .finally(() => (running = undefined))
    return running
  }

  function runLater(delayMs: number): void {
    cancelTimer = timer.after(delayMs, () => {
      void run().finally(() => {
        if (!isStopped) runLater(deps.settings.pollIntervalMs)
      })
    })
  }

  return {
    start() {
      isStopped = false
      // what waited while no process was running is not the alert's business
      overdueLookAt = clock.now() + overdueIntervalMs
      runLater(0)
    },
    async stop() {
      isStopped = true
      cancelTimer()
      await running
    },
    run,
    leaseExpiryCount: () => leaseExpiryCount,
  }
}
