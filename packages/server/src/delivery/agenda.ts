/**
 * Which endpoints are to be asked for due deliveries, and when: what makes a claim's cost independent of the
 * number of waiting rows. It is a memory of this process alone, rebuilt from the database by the sweep, and may
 * forget anything without harm.
 */
import type { Instant } from '../ambient/clock.ts'

/** A bound on memory; what does not fit is found again by the sweep. */
const endpointCountMax = 100_000

export interface Agenda {
  /** Asks for this endpoint at `at`, or earlier if that was planned already. */
  plan(endpointId: string, at: Instant): void
  /** Takes out at most `count` endpoints that are to be asked by `at`, the longest waiting first. */
  take(count: number, at: Instant): readonly string[]
  /** When the next one is to be asked. */
  nextAt(): Instant | undefined
  readonly size: number
}

interface Entry {
  readonly endpointId: string
  readonly at: Instant
}

export function createAgenda(): Agenda {
  const planned = new Map<string, Instant>()
  /** A binary heap by time. An entry that `planned` no longer agrees with is skipped when it comes up. */
  let heap: Entry[] = []

  function dropStale(): void {
    while (heap.length > 0) {
      const { endpointId, at } = heap[0] as Entry
      if (planned.get(endpointId) === at) return
      pop(heap)
    }
  }

  return {
    plan(endpointId, at) {
      const known = planned.get(endpointId)
      if (known !== undefined && known <= at) return
      if (known === undefined && planned.size >= endpointCountMax) return
      planned.set(endpointId, at)
      push(heap, { endpointId, at })
      if (heap.length > 2 * planned.size + 1024) {
        heap = [...planned].map(([id, when]) => ({ endpointId: id, at: when })).sort((a, b) => a.at - b.at)
      }
    },
    take(count, at) {
      const taken: string[] = []
      for (dropStale(); taken.length < count && heap.length > 0; dropStale()) {
        const first = heap[0] as Entry
        if (first.at > at) break
        pop(heap)
        planned.delete(first.endpointId)
        taken.push(first.endpointId)
      }
      return taken
    },
    nextAt() {
      dropStale()
      return heap[0]?.at
    },
    get size() {
      return planned.size
    },
  }
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length
  heap.push(entry)
  while (index > 0) {
    const parent = (index - 1) >> 1
    if ((heap[parent] as Entry).at <= entry.at) break
    heap[index] = heap[parent] as Entry
    index = parent
  }
  heap[index] = entry
}

function pop(heap: Entry[]): void {
  const last = heap.pop() as Entry
  if (heap.length === 0) return
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && (heap[child + 1] as Entry).at < (heap[child] as Entry).at) child += 1
    if ((heap[child] as Entry).at >= last.at) break
    heap[index] = heap[child] as Entry
    index = child
  }
  heap[index] = last
}
