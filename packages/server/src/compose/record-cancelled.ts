/** What is said of deliveries that were withdrawn: an event each, and the counter of verdicts, after the commit. */
import type { AdminDeps } from '../admin-api/admin-call.ts'
import { type EventDeps, recordEvent } from '../event/record-event.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { cancelledDeliveryEvent } from './delivery-event.ts'

export function recordCancelled(parts: {
  readonly events: EventDeps
  readonly metrics: Pick<Metrics, 'countEnded'>
}): AdminDeps['onCancelled'] {
  return async (tx, realm, cancelled, at) => {
    for (const one of cancelled) {
      await recordEvent(parts.events, tx, cancelledDeliveryEvent(realm, one), at)
      tx.afterCommit(() => parts.metrics.countEnded(realm.name, { ...one, state: 'cancelled' }))
    }
  }
}
