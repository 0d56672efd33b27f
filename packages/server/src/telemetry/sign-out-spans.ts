/**
 * How long a sign-out took until the last of its applications had a verdict. The process that wrote the last verdict
 * counts it, so that several processes together count each sign-out once. Looked up when the metrics are asked for,
 * or when many wait: never on the way of a delivery.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Log } from '../ambient/log.ts'
import type { Store } from '../store/store.ts'
import { readFinishedSignOuts } from './read-finished-sign-outs.ts'

export interface Verdict {
  readonly signOutId: string
  readonly deliveryId: string
  readonly settledAt: Instant
}

export interface SignOutSpans {
  /** A verdict that this process has written. */
  note(realm: string, verdict: Verdict): void
  /** Who is told of each sign-out that has nothing open any more. */
  onFinished(listener: (realm: string, seconds: number) => void): void
  look(): Promise<void>
}

/** Sign-outs in one query: on SQLite nothing else runs meanwhile, and each may have hundreds of rows. */
const lookCountMax = 50
/** Beyond these, while the database is away, the durations of further sign-outs are not measured. */
const notedCountMax = 10_000

/** The latest verdicts of a sign-out by this process: several can have the same millisecond. */
interface Noted {
  readonly realm: string
  readonly settledAt: Instant
  readonly deliveryIds: ReadonlySet<string>
}

export function createSignOutSpans({
  store,
  log,
}: {
  readonly store: Store
  readonly log: Log
}): SignOutSpans {
  const noted = new Map<string, Noted>()
  let listen: (realm: string, seconds: number) => void = () => undefined
  let underWay: Promise<void> | undefined

  async function lookAtAll(): Promise<void> {
    let count = lookCountMax
    while (count === lookCountMax) count = await lookAtSome()
  }

  /** How many were looked at: all that were noted, or as many as one query takes. */
  async function lookAtSome(): Promise<number> {
    const some = [...noted].slice(0, lookCountMax)
    if (some.length === 0) return 0
    const ids = some.map(([signOutId]) => signOutId)
    const finished = await readFinishedSignOuts(store.read, ids)
    for (const [signOutId, one] of some) {
      const found = finished.get(signOutId)
      const isOwn = found !== undefined && one.deliveryIds.has(found.lastDeliveryId)
      // what is still open is noted again with its last verdict, by the process that writes it: maybe meanwhile
      if (isOwn || noted.get(signOutId) === one) noted.delete(signOutId)
      if (isOwn) listen(one.realm, found.durationMs / 1000)
    }
    return some.length
  }

  function look(): Promise<void> {
    underWay ??= lookAtAll().finally(() => (underWay = undefined))
    return underWay
  }

  return {
    note(realm, verdict) {
      const { signOutId, deliveryId, settledAt } = verdict
      const known = noted.get(signOutId)
      if (known ? known.settledAt > settledAt : noted.size >= notedCountMax) return
      const beside = known?.settledAt === settledAt ? known.deliveryIds : []
      noted.set(signOutId, { realm, settledAt, deliveryIds: new Set([...beside, deliveryId]) })
      if (noted.size < lookCountMax) return
      void look().catch((error) => log.write('warn', 'metrics.look_postponed', { error: String(error) }))
    },
    onFinished(listener) {
      listen = listener
    },
    look,
  }
}
