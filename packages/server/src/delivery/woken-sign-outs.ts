/** Turns wake-ups that name a sign-out into planned endpoints; many at once are read together. */
import type { Instant } from '../ambient/clock.ts'
import type { Log } from '../ambient/log.ts'
import type { Store } from '../store/store.ts'
import { findEndpointsOfSignOuts } from './find-due-endpoints.ts'

/** Sign-outs read by one query. */
const groupCountMax = 100
/** More wake-ups than this are not worth naming one by one: the sweep finds their endpoints faster. */
const signOutCountMax = 2000

export interface WokenDeps {
  readonly store: Store
  readonly log: Log
  plan(endpointId: string, at: Instant): void
  sweepAll(): Promise<void>
}

export function createWokenSignOuts(deps: WokenDeps): { add(signOutId: string): void } {
  const waiting = new Set<string>()
  let isReading = false

  async function readAll(): Promise<void> {
    try {
      while (waiting.size > 0) await readSome()
    } catch (error) {
      // the sweep finds what a lost database hid
      deps.log.write('warn', 'delivery.wake_lost', { error: String(error) })
    } finally {
      // in the same breath as the last look at what waits: what is added from here on begins anew
      isReading = false
    }
  }

  async function readSome(): Promise<void> {
    if (waiting.size > signOutCountMax || waiting.has('')) {
      waiting.clear()
      await deps.sweepAll()
      return
    }
    const group = [...waiting].slice(0, groupCountMax)
    for (const id of group) waiting.delete(id)
    for (const { endpointId, dueAt } of await findEndpointsOfSignOuts(deps.store.read, group)) {
      deps.plan(endpointId, dueAt)
    }
  }

  return {
    add(signOutId) {
      waiting.add(signOutId)
      if (isReading) return
      isReading = true
      setImmediate(() => void readAll())
    },
  }
}
