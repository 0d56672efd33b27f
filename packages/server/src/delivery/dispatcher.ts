/**
 * The dispatcher's life: wake, claim, dispatch side by side, stop. One per process; any number of processes work
 * on one PostgreSQL.
 *
 * It is woken at once by a sign-out of this or another process (`tx.notify('delivery')`), by exact timers for
 * what is due later, and by a slow look at the whole table beneath, which carries both when they fail (F-27).
 */
import type { Ambient } from '../ambient/ambient.ts'
import type { Instant } from '../ambient/clock.ts'
import { sleep } from '../ambient/timer.ts'
import type { Channel } from '../rp/client.ts'
import type { Sender } from '../sender/sender.ts'
import type { Store } from '../store/store.ts'
import { type Agenda, createAgenda } from './agenda.ts'
import type { Look } from './choose-claims.ts'
import { claimDeliveries, endpointsPerClaimMax } from './claim.ts'
import type { DeliverySettings, LeasedDelivery, SettledDelivery } from './delivery.ts'
import { reportSettlements } from './delivery-report.ts'
import { dispatchDelivery } from './dispatch.ts'
import type { EndedDelivery } from './end-at-horizon.ts'
import { createLatencySample, type LatencySample } from './latency-sample.ts'
import { createSettlementWriter, type SettlementWriter } from './settlement-writer.ts'
import { createSlotBook, type SlotBook } from './slot-book.ts'
import type { StoredSettlements } from './store-settlements.ts'
import { createSweep, type Sweep } from './sweep.ts'
import { createWokenSignOuts } from './woken-sign-outs.ts'

export interface DispatcherDeps {
  readonly store: Store
  readonly ambient: Ambient
  readonly senders: ReadonlyMap<Channel, Sender>
  readonly settings: DeliverySettings
  /** Names this process in `lease_owner`. */
  readonly owner: string
  /** Told of every outcome after its commit: events and metrics. */
  readonly onSettled?: (settled: SettledDelivery) => void
  /** Told of deliveries that ended because their time was over. */
  readonly onEnded?: (ended: EndedDelivery) => void
  /** Address of the page that explains a reason code, for the log. */
  readonly reasonUrl?: (reason: string) => string
}

export interface DispatcherFacts {
  readonly inFlightCount: number
  readonly leaseExpiryCount: number
  readonly fenceRefusalCount: number
}

const stopGraceMs = 10_000
/** After the grace: what was aborted is stored. */
const giveBackMs = 2000
const claimRetryMs = 1000

export class Dispatcher implements AsyncDisposable {
  readonly #deps: DispatcherDeps
  readonly #agenda: Agenda = createAgenda()
  readonly #latency: LatencySample = createLatencySample()
  readonly #slots: SlotBook
  readonly #writer: SettlementWriter
  readonly #sweep: Sweep
  readonly #stopping = new AbortController()
  readonly #inFlight = new Set<Promise<void>>()
  #isRunning = false
  #claiming: Promise<void> | undefined
  #fenceRefusalCount = 0
  #cancelTimer = (): void => undefined
  #stopHearing = (): void => undefined

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
    this.#slots = createSlotBook(deps.settings)
    const { p95MsOf } = this.#latency
    const plan = (endpointId: string, at: Instant): void => this.#plan(endpointId, at)
    this.#writer = createSettlementWriter({
      ...deps,
      ...deps.ambient,
      p95MsOf,
      onStored: (result) => this.#follow(result),
    })
    const onEnded = deps.onEnded ?? (() => undefined)
    this.#sweep = createSweep({ ...deps, ...deps.ambient, plan, onEnded })
  }

  start(): void {
    const { store, ambient } = this.#deps
    const plan = (endpointId: string, at: Instant): void => this.#plan(endpointId, at)
    const woken = createWokenSignOuts({ store, log: ambient.log, plan, sweepAll: () => this.#sweep.run() })
    this.#isRunning = true
    this.#stopHearing = store.onWake('delivery', (signOutId, due) => {
      if (!due) woken.add(signOutId)
      for (const { endpointId, dueAt } of due ?? []) this.#plan(endpointId, dueAt)
    })
    this.#sweep.start()
  }

  /** Stops claiming, lets the tries in flight finish for `graceMs` (default 10 s), gives the rest back (D16). */
  async stop(graceMs: number = stopGraceMs): Promise<void> {
    const { timer } = this.#deps.ambient
    this.#isRunning = false
    this.#cancelTimer()
    this.#stopHearing()
    await Promise.all([this.#sweep.stop(), this.#claiming])
    await Promise.race([this.#untilIdle(), sleep(timer, graceMs)])
    this.#stopping.abort()
    await Promise.race([this.#untilIdle(), sleep(timer, giveBackMs)])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Asks these endpoints now, for example after a replay; without ids, looks at the whole table. */
  wake(endpointIds?: readonly string[]): void {
    if (!endpointIds) void this.#sweep.run()
    for (const id of endpointIds ?? []) this.#plan(id, this.#deps.ambient.clock.now())
  }

  facts(): DispatcherFacts {
    return {
      inFlightCount: this.#inFlight.size,
      leaseExpiryCount: this.#sweep.leaseExpiryCount(),
      fenceRefusalCount: this.#fenceRefusalCount,
    }
  }

  #plan(endpointId: string, at: Instant): void {
    this.#agenda.plan(endpointId, at)
    this.#pump()
  }

  /** Claims when something is due and a slot is free; otherwise sets the timer for the next due time. */
  #pump(): void {
    if (!this.#isRunning || this.#claiming || this.#slots.free().total === 0) return
    const { clock, timer } = this.#deps.ambient
    this.#cancelTimer()
    for (const endpointId of this.#slots.takeWaiting()) this.#agenda.plan(endpointId, clock.now())
    const nextAt = this.#agenda.nextAt()
    if (nextAt === undefined) return
    const waitMs = nextAt - clock.now()
    if (waitMs > 0) {
      this.#cancelTimer = timer.after(waitMs, () => this.#pump())
      return
    }
    this.#claiming = this.#claim().finally(() => {
      this.#claiming = undefined
      this.#pump()
    })
  }

  async #claim(): Promise<void> {
    // endpoints that are planned in this turn of the event loop join the claim
    await new Promise((resolve) => setImmediate(resolve))
    const { ambient } = this.#deps
    const at = ambient.clock.now()
    const ids = this.#agenda.take(Math.min(endpointsPerClaimMax, this.#slots.free().total), at)
    if (!this.#isRunning || ids.length === 0) return
    this.#slots.beginClaim()
    try {
      const { leased, looks } = await claimDeliveries(
        { ...this.#deps, ...ambient },
        ids,
        this.#slots.free(),
        at,
      )
      for (const [endpointId, look] of looks) this.#askAgain(endpointId, look)
      for (const delivery of leased) this.#dispatch(delivery)
    } catch (error) {
      ambient.log.write('warn', 'delivery.claim_postponed', { error: String(error) })
      for (const id of ids) this.#agenda.plan(id, ambient.clock.now() + claimRetryMs)
    }
  }

  #askAgain(endpointId: string, look: Look): void {
    if (look.kind === 'at') this.#agenda.plan(endpointId, look.at)
    else if (look.kind === 'when_slot_is_free') this.#slots.askWhenFree(endpointId, look.classes)
    else if (look.kind === 'when_settled' && !this.#slots.askWhenSettled(endpointId)) {
      this.#agenda.plan(endpointId, this.#deps.ambient.clock.now())
    }
  }

  #dispatch(delivery: LeasedDelivery): void {
    this.#slots.occupy(delivery)
    const deps = { ...this.#deps, ...this.#deps.ambient, writer: this.#writer }
    const running = dispatchDelivery(deps, delivery, this.#stopping.signal).finally(() => {
      this.#inFlight.delete(running)
      const isAskedAgain = this.#slots.release(delivery)
      if (isAskedAgain) this.#agenda.plan(delivery.subject.endpointId, this.#deps.ambient.clock.now())
      this.#pump()
    })
    this.#inFlight.add(running)
  }

  #follow({ stored, refusedByFence, health }: StoredSettlements): void {
    const at = this.#deps.ambient.clock.now()
    this.#fenceRefusalCount += refusedByFence.length
    for (const settled of stored) {
      const { endpointId } = settled.tried.leased.subject
      this.#latency.add(endpointId, settled)
      if (settled.settlement.state === 'pending') {
        this.#plan(endpointId, Math.max(settled.settlement.dueAt, health.get(endpointId)?.openUntil ?? 0))
      }
      this.#deps.onSettled?.(settled)
    }
    // a breaker that has closed makes due what waited for it (D8)
    for (const [endpointId, { recoveredAt }] of health) if (recoveredAt !== null) this.#plan(endpointId, at)
    reportSettlements(this.#deps, { stored, refusedByFence })
  }

  async #untilIdle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight)
  }
}
