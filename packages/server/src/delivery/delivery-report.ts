/**
 * One line per try (experience.md §5.7), as an error where the fault was our own (D17) and as a warning where the
 * address itself is wrong, and one for an outcome that came after its lease. Never a token or a sid.
 */
import type { Log, LogLevel } from '../ambient/log.ts'
import type { SettledDelivery } from './delivery.ts'

export interface ReportDeps {
  readonly ambient: { readonly log: Log }
  readonly reasonUrl?: (reason: string) => string
}

export function reportSettlements(
  { ambient: { log }, reasonUrl }: ReportDeps,
  {
    stored,
    refusedByFence,
  }: { readonly stored: readonly SettledDelivery[]; readonly refusedByFence: readonly SettledDelivery[] },
): void {
  for (const settled of stored) {
    const { settlement } = settled
    const { attempt } = settlement
    const isOurFault = attempt.reason === 'internal.error'
    log.write(isOurFault ? 'error' : levelOf(attempt.status), 'delivery.attempt', {
      ...idsOf(settled),
      outcome: attempt.outcome,
      state: settlement.state,
      try: settlement.tryCount,
      status: attempt.status ?? undefined,
      reason: attempt.reason ?? undefined,
      error: isOurFault ? (attempt.detail ?? undefined) : undefined,
      duration_ms: attempt.durationMs === null ? undefined : Math.round(attempt.durationMs),
      next_at: settlement.state === 'pending' ? new Date(settlement.dueAt).toISOString() : undefined,
      docs: attempt.reason === null ? undefined : reasonUrl?.(attempt.reason),
    })
  }
  for (const settled of refusedByFence) {
    log.write('warn', 'delivery.fence_refused', {
      ...idsOf(settled),
      outcome: settled.settlement.attempt.outcome,
    })
  }
}

/** Nothing listens there, or not to a POST: somebody should look at the registration before the second try. */
function levelOf(status: number | null): LogLevel {
  return status === 404 || status === 405 ? 'warn' : 'info'
}

function idsOf({ tried: { leased } }: SettledDelivery): Record<string, unknown> {
  const { signOutId, deliveryId, realmId, clientId, channel } = leased.subject
  return { sign_out_id: signOutId, delivery_id: deliveryId, realm: realmId, application: clientId, channel }
}
