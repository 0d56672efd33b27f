/** Which of the due rows are taken now: limits per endpoint, slots per class, one in flight per sid. Pure. */
import type { Instant } from '../ambient/clock.ts'
import { type Candidate, type EndpointRow, healthFromRow } from './claim-row.ts'
import type { DeliveryPriority, DeliverySettings } from './delivery.ts'
import { pacedAfter, type Room, roomAt } from './endpoint-health.ts'

/** Free places for tries in this process. `high` and `low` bound one class each, `total` both (D10). */
export interface Slots {
  readonly total: number
  readonly high: number
  readonly low: number
}

/** When to ask for an endpoint again. */
export type Look =
  | { readonly kind: 'at'; readonly at: Instant }
  /** More is due than may be leased at once: as soon as one of its rows is settled. */
  | { readonly kind: 'when_settled' }
  /** More of these classes is due than this process has slots for. */
  | { readonly kind: 'when_slot_is_free'; readonly classes: readonly DeliveryPriority[] }
  /** Nothing more is due. */
  | { readonly kind: 'idle' }

export interface Choice {
  readonly chosen: readonly Candidate[]
  readonly looks: ReadonlyMap<string, Look>
  /** `pacedUntil` of each endpoint that rows were chosen for. */
  readonly paced: ReadonlyMap<string, Instant>
}

export interface ChoiceOf {
  readonly endpoints: readonly EndpointRow[]
  readonly candidates: readonly Candidate[]
  readonly slots: Slots
  /** Normally the high class goes first; every fifth claim the low one does, so that it moves at busy endpoints. */
  readonly isLowFirst: boolean
}

interface Asked {
  readonly row: EndpointRow
  readonly room: Room
  readonly candidates: readonly Candidate[]
  /** Ids of the candidates that were chosen. */
  readonly taken: Set<string>
}

interface Taking {
  readonly chosen: Candidate[]
  /** Two generations or channels of one (client, sid) are not in flight together (D11). */
  readonly sids: Set<string>
  readonly free: { total: number; high: number; low: number }
}

export function chooseClaims(settings: DeliverySettings, of: ChoiceOf, at: Instant): Choice {
  const asked = askEach(settings, of, at)
  const taking: Taking = { chosen: [], sids: new Set(), free: { ...of.slots } }
  for (const name of of.isLowFirst ? (['low', 'high'] as const) : (['high', 'low'] as const)) {
    for (const endpoint of asked) takeOfClass(taking, endpoint, name)
  }
  return {
    chosen: taking.chosen,
    looks: new Map(asked.map((endpoint) => [endpoint.row.id, lookOf(endpoint)])),
    paced: new Map(
      asked
        .filter((endpoint) => endpoint.taken.size > 0)
        .map(({ row, taken }) => [row.id, pacedAfter(healthFromRow(row), taken.size, settings, at)]),
    ),
  }
}

function takeOfClass({ chosen, sids, free }: Taking, endpoint: Asked, name: 'high' | 'low'): void {
  for (const candidate of endpoint.candidates) {
    if (endpoint.taken.size >= endpoint.room.count || free.total <= 0 || free[name] <= 0) return
    const sid = JSON.stringify([candidate.realm_id, candidate.client_id, candidate.sid])
    if (candidate.priority !== priorityOf[name] || sids.has(sid)) continue
    sids.add(sid)
    chosen.push(candidate)
    endpoint.taken.add(candidate.id)
    free.total -= 1
    free[name] -= 1
  }
}

const priorityOf = { high: 0, low: 1 }

function askEach(settings: DeliverySettings, of: ChoiceOf, at: Instant): readonly Asked[] {
  const byEndpoint = Map.groupBy(of.candidates, (candidate) => candidate.endpoint_id)
  return of.endpoints.map((row) => {
    const candidates = (byEndpoint.get(row.id) ?? []).toSorted(oldestFirst)
    const room = roomAt(healthFromRow(row), candidates[0]?.leased_count ?? 0, settings, at)
    return { row, room, candidates, taken: new Set() }
  })
}

/** The databases choose the oldest rows; in which order they hand them over is their own business. */
function oldestFirst(a: Candidate, b: Candidate): number {
  return a.due_at - b.due_at || (a.id < b.id ? -1 : 1)
}

function lookOf({ room, candidates, taken }: Asked): Look {
  if (room.askAgainAt !== undefined) return { kind: 'at', at: room.askAgainAt }
  if (candidates.length <= taken.size) return { kind: 'idle' }
  if (taken.size >= room.count) return { kind: 'when_settled' }
  const left = candidates.filter((candidate) => !taken.has(candidate.id))
  const classes = (['high', 'low'] as const).filter((name) =>
    left.some(({ priority }) => priority === priorityOf[name]),
  )
  return { kind: 'when_slot_is_free', classes }
}
