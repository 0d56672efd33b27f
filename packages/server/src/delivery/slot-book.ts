/** Who holds which slot of this process, and who waits for one. Four fifths for each class at most (D10). */
import type { Slots } from './choose-claims.ts'
import type { DeliveryPriority, DeliverySettings, LeasedDelivery } from './delivery.ts'

/**
 * Neither class can take every slot: bulk must move while people sign out, and a person's sign-out must not wait
 * until a slow bulk one has let go.
 */
const classShareMax = 0.8

export interface SlotBook {
  free(): Slots
  occupy(delivery: LeasedDelivery): void
  /** Returns whether the delivery's endpoint is to be asked again. */
  release(delivery: LeasedDelivery): boolean
  /** False when one of the endpoint's rows was settled since `beginClaim`: then it is to be asked at once. */
  askWhenSettled(endpointId: string): boolean
  askWhenFree(endpointId: string, classes: readonly DeliveryPriority[]): void
  /** Takes out as many waiting endpoints as there are free slots of their class, the longest waiting first. */
  takeWaiting(): readonly string[]
  /** A claim counts leased rows while others are being settled: what is released from here on is remembered. */
  beginClaim(): void
}

export function createSlotBook({ slotCount }: Pick<DeliverySettings, 'slotCount'>): SlotBook {
  const taken = { high: 0, low: 0 }
  const classMax = Math.max(1, Math.floor(slotCount * classShareMax))
  const waitingForSettlement = new Set<string>()
  const waitingForSlot = { high: new Set<string>(), low: new Set<string>() }
  const releasedSinceClaim = new Set<string>()

  function free(): Slots {
    const total = slotCount - taken.high - taken.low
    return { total, high: Math.min(total, classMax - taken.high), low: Math.min(total, classMax - taken.low) }
  }

  return {
    free,
    occupy(delivery) {
      taken[delivery.priority] += 1
    },
    release(delivery) {
      taken[delivery.priority] -= 1
      const { endpointId } = delivery.subject
      releasedSinceClaim.add(endpointId)
      return waitingForSettlement.delete(endpointId)
    },
    askWhenSettled(endpointId) {
      if (releasedSinceClaim.has(endpointId)) return false
      waitingForSettlement.add(endpointId)
      return true
    },
    askWhenFree(endpointId, classes) {
      for (const name of classes) waitingForSlot[name].add(endpointId)
    },
    takeWaiting() {
      const slots = free()
      return (['high', 'low'] as const).flatMap((name) => takeFirst(waitingForSlot[name], slots[name]))
    },
    beginClaim: () => releasedSinceClaim.clear(),
  }
}

function takeFirst(waiting: Set<string>, count: number): readonly string[] {
  if (count <= 0 || waiting.size === 0) return []
  const first = waiting.values().take(count).toArray()
  for (const endpointId of first) waiting.delete(endpointId)
  return first
}
