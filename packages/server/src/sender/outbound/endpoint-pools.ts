/**
 * One undici pool per endpoint, opened when it is first called and closed when it has been idle for 30 s.
 */
import type { Socket } from 'node:net'
import { Pool } from 'undici'
import type { Clock, Instant } from '../../ambient/clock.ts'
import type { Timer } from '../../ambient/timer.ts'

/** Leased rows of one endpoint, at most (D3). */
const connectionsMax = 16
/** Shorter than the idle limit of common servers (gunicorn 2 s, Node 5 s): a POST must not meet a closing socket. */
const keepAliveIdleMs = 1_500
/** Longest idle time that a server may ask for, and how much earlier than its limit we stop using a socket. */
const keepAliveHintMaxMs = 15_000
const keepAliveMarginMs = 1_000
const poolIdleMs = 30_000
const sweepEveryMs = 10_000

/** How an endpoint is called now. A change of any member opens a new pool; any other change of a realm does not. */
export interface EndpointWay {
  readonly origin: string
  readonly trustPem: readonly string[]
}

export interface OpenedWay {
  readonly validUntil: Instant
  connect(): Promise<Socket>
}

export interface EndpointPools {
  /** Runs `use` with the pool of this endpoint, opened by `open` where there is none or its way has changed. */
  withPool<T>(
    endpointId: string,
    way: EndpointWay,
    open: () => OpenedWay,
    use: (pool: Pool) => Promise<T>,
  ): Promise<T>
  count(): number
  close(): Promise<void>
}

interface Entry extends EndpointWay {
  readonly pool: Pool
  readonly validUntil: Instant
  inFlight: number
  usedAt: Instant
}

export function createEndpointPools(deps: { readonly clock: Clock; readonly timer: Timer }): EndpointPools {
  const { clock, timer } = deps
  const entries = new Map<string, Entry>()
  let cancelSweep: (() => void) | undefined

  const sweep = (): void => {
    cancelSweep = undefined
    const at = clock.now()
    for (const [endpointId, entry] of entries) {
      if (entry.inFlight > 0 || at - entry.usedAt < poolIdleMs) continue
      entries.delete(endpointId)
      void entry.pool.close()
    }
    if (entries.size > 0) cancelSweep = timer.after(sweepEveryMs, sweep)
  }

  const entryFor = (endpointId: string, way: EndpointWay, open: () => OpenedWay): Entry => {
    const at = clock.now()
    const known = entries.get(endpointId)
    if (known && isSameWay(known, way) && at < known.validUntil) return known
    const opened = open()
    // Closing waits for what is in flight; the old way ends with it.
    void known?.pool.close()
    const { origin, trustPem } = way
    const entry = {
      origin,
      trustPem,
      pool: openPool(origin, opened),
      validUntil: opened.validUntil,
      inFlight: 0,
      usedAt: at,
    }
    entries.set(endpointId, entry)
    cancelSweep ??= timer.after(sweepEveryMs, sweep)
    return entry
  }

  return {
    async withPool(endpointId, way, open, use) {
      const entry = entryFor(endpointId, way, open)
      entry.inFlight += 1
      try {
        return await use(entry.pool)
      } finally {
        entry.inFlight -= 1
        entry.usedAt = clock.now()
      }
    },
    count: () => entries.size,
    async close() {
      cancelSweep?.()
      const open = [...entries.values()]
      entries.clear()
      await Promise.all(open.map((entry) => entry.pool.destroy()))
    },
  }
}

function isSameWay(a: EndpointWay, b: EndpointWay): boolean {
  if (a.origin !== b.origin) return false
  if (a.trustPem === b.trustPem) return true
  return (
    a.trustPem.length === b.trustPem.length && a.trustPem.every((pem, index) => pem === b.trustPem[index])
  )
}

function openPool(origin: string, opened: OpenedWay): Pool {
  return new Pool(origin, {
    connections: connectionsMax,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveIdleMs,
    keepAliveMaxTimeout: keepAliveHintMaxMs,
    keepAliveTimeoutThreshold: keepAliveMarginMs,
    connect: (_options, callback) => {
      opened.connect().then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      )
    },
  })
}
