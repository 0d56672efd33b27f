/**
 * A pool of connections per endpoint, opened when it is first called and closed when it has been idle for 30 s.
 *
 * The pools are made of undici's clients, one connection each. undici's own `Pool` reserves a queue of 2,048
 * places when it is made (16 KB and 0.05 ms for each of a thousand endpoints); here nothing waits in a queue,
 * because claims are limited to the connections that an endpoint may have.
 */
import type { Socket } from 'node:net'
import { Client } from 'undici'
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
  /** Runs `use` with a free connection of this endpoint; `open` is called where it has no pool or its way has changed. */
  withClient<T>(
    endpointId: string,
    way: EndpointWay,
    open: () => OpenedWay,
    use: (client: Client) => Promise<T>,
  ): Promise<T>
  count(): number
  close(): Promise<void>
}

interface Entry extends EndpointWay {
  readonly opened: OpenedWay
  readonly clients: Client[]
  /** The one used last comes first, so that few connections stay warm. */
  readonly idle: Client[]
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
      closeAll(entry)
    }
    if (entries.size > 0) cancelSweep = timer.after(sweepEveryMs, sweep)
  }

  const entryFor = (endpointId: string, way: EndpointWay, open: () => OpenedWay): Entry => {
    const at = clock.now()
    const known = entries.get(endpointId)
    if (known && isSameWay(known, way) && at < known.opened.validUntil) return known
    const opened = open()
    // Closing waits for what is in flight; the old way ends with it.
    if (known) closeAll(known)
    const { origin, trustPem } = way
    const entry: Entry = { origin, trustPem, opened, clients: [], idle: [], inFlight: 0, usedAt: at }
    entries.set(endpointId, entry)
    cancelSweep ??= timer.after(sweepEveryMs, sweep)
    return entry
  }

  return {
    async withClient(endpointId, way, open, use) {
      const entry = entryFor(endpointId, way, open)
      const own = entry.idle.pop() ?? anotherClient(entry)
      entry.inFlight += 1
      try {
        return await use(own ?? sharedClient(entry))
      } finally {
        entry.inFlight -= 1
        entry.usedAt = clock.now()
        if (own) entry.idle.push(own)
      }
    },
    count: () => entries.size,
    async close() {
      cancelSweep?.()
      const open = [...entries.values()]
      entries.clear()
      await Promise.all(open.flatMap(({ clients }) => clients.map((client) => client.destroy())))
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

function anotherClient({ clients, origin, opened }: Entry): Client | undefined {
  if (clients.length >= connectionsMax) return undefined
  const client = openClient(origin, opened)
  clients.push(client)
  return client
}

/** Beyond the limit a call waits behind another one, on its connection. */
function sharedClient({ clients, inFlight }: Entry): Client {
  return clients[inFlight % clients.length] as Client
}

function closeAll({ clients }: Entry): void {
  for (const client of clients) void client.close()
}

function openClient(origin: string, opened: OpenedWay): Client {
  return new Client(origin, {
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
