/** Who holds which slot of this process, and who waits for one. Four fifths for each class at most (D10). */
import type { Slots } from './choose-claims.ts'
import type { DeliverySettings, LeasedDelivery } from './delivery.ts'

/**
 * Neither class can take every slot: bulk must move while people sign out, and a person's sign-out must not wait
 * until a slow bulk one has let go.
 */
const classShareMax = 0.8

export interface SlotBook {
  free(): Slots
  occupy(delivery: LeasedDelivery): void
  /** Returns the endpoints that are to be asked now that this slot is free. */
  release(delivery: LeasedDelivery): readonly string[]
  /** False when one of the endpoint's rows was settled since `beginClaim`: then it is to be asked at once. */
  askWhenSettled(endpointId: string): boolean
  askWhenFree(endpointId: string): void
  /** A claim counts leased rows while others are being settled: what is released from here on is remembered. */
  beginClaim(): void
}

export function createSlotBook({ slotCount }: Pick<DeliverySettings, 'slotCount'>): SlotBook {
  const taken = { high: 0, low: 0 }
  const classMax = Math.max(1, Math.floor(slotCount * classShareMax))
  const waitingForSettlement = new Set<string>()
  const waitingForSlot = new Set<string>()
  const releasedSinceClaim = new Set<string>()
  return {
    free() {
      const total = slotCount - taken.high - taken.low
      return {
        total,
        high: Math.min(total, classMax - taken.high),
        low: Math.min(total, classMax - taken.low),
      }
    },
    occupy(delivery) {
      taken[delivery.priority] += 1
    },
    release(delivery) {
      taken[delivery.priority] -= 1
      const asked = [...waitingForSlot]
      waitingForSlot.clear()
      const { endpointId } = delivery.subject
      releasedSinceClaim.add(endpointId)
      if (waitingForSettlement.delete(endpointId)) asked.push(endpointId)
      return asked
    },
    askWhenSettled(endpointId) {
      if (releasedSinceClaim.has(endpointId)) return false
      waitingForSettlement.add(endpointId)
      return true
    },
    askWhenFree: (endpointId) => void waitingForSlot.add(endpointId),
    beginClaim: () => releasedSinceClaim.clear(),
  }
}
