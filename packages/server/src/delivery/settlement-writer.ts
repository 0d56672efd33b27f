/**
 * Collects outcomes and writes them in groups. While one group is being committed the next one fills; the first
 * outcome of a quiet moment waits 2 ms for those of the other applications of its sign-out, which were sent with it.
 */
import type { Clock } from '../ambient/clock.ts'
import type { Gate } from '../ambient/gate.ts'
import type { Log } from '../ambient/log.ts'
import { sleep, type Timer } from '../ambient/timer.ts'
import type { Store } from '../store/store.ts'
import type { SettledDelivery } from './delivery.ts'
import { type StoredSettlements, type StoreSettlementsDeps, storeSettlements } from './store-settlements.ts'

/** More outcomes than this in one transaction would hold the writer too long. */
const groupCountMax = 512
/** A commit costs more than the wait, and the person's answer waits for the last outcome anyway (SR-11). */
const gatherMs = 2
/** Between tries to reach a database that is away. */
const storeRetryMs = 250

export interface SettlementWriterDeps extends StoreSettlementsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly timer: Timer
  readonly gate: Gate
  readonly log: Log
  /** Called after each commit. */
  onStored(result: StoredSettlements): void
}

export interface SettlementWriter {
  /** Resolves when the outcome is committed, refused by its fence, or its lease has ended while the database was away. */
  write(settled: SettledDelivery): Promise<void>
}

interface Waiting {
  readonly settled: SettledDelivery
  readonly resolve: () => void
}

export function createSettlementWriter(deps: SettlementWriterDeps): SettlementWriter {
  const waiting: Waiting[] = []
  let isDraining = false

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting.splice(0, groupCountMax)
      await storeGroup(
        deps,
        group.map(({ settled }) => settled),
      )
      for (const { resolve } of group) resolve()
    }
    isDraining = false
  }

  return {
    write(settled) {
      return new Promise((resolve) => {
        waiting.push({ settled, resolve })
        if (isDraining) return
        isDraining = true
        // an outcome that waits is work: a process that drains must not end before it
        deps.timer.after(gatherMs, () => void drain(), true)
      })
    },
  }
}

/** Tries until the database takes it, or until the leases have ended and another worker will try again. */
async function storeGroup(deps: SettlementWriterDeps, group: readonly SettledDelivery[]): Promise<void> {
  const leasedAt = group.map(({ tried }) => tried.leased.leasedAt)
  const giveUpAt = Math.max(...leasedAt) + deps.settings.leaseMs
  for (let isFirst = true; ; isFirst = false) {
    try {
      const { stored, refusedByFence, health } = await storeOnce(deps, group)
      // after a commit of unknown outcome, what was stored then looks like a refusal now (R12)
      deps.onStored({ stored, refusedByFence: isFirst ? refusedByFence : [], health })
      return
    } catch (error) {
      deps.log.write('warn', 'delivery.settle_postponed', { error: String(error), count: group.length })
      if (deps.clock.now() >= giveUpAt) return
      await sleep(deps.timer, storeRetryMs)
    }
  }
}

async function storeOnce(
  deps: SettlementWriterDeps,
  group: readonly SettledDelivery[],
): Promise<StoredSettlements> {
  const result = await deps.store.transact(async (tx) => {
    const stored = await storeSettlements(deps, tx, group, deps.clock.now())
    for (const { tried } of group) await deps.gate('settle.beforeCommit', tried.leased.subject.deliveryId)
    return stored
  })
  for (const { tried } of group) await deps.gate('settle.afterCommit', tried.leased.subject.deliveryId)
  return result
}
