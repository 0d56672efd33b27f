/** The simulated store as a test database, on the real event loop: what the contract tests run it by. */

import type { Store } from '../../../src/store/store.ts'
import { createWakeBus } from '../../../src/store/wake.ts'
import { Engine, type Turns } from './engine.ts'
import { createSimulatedStore, Slots } from './simulated-store.ts'

const turns: Turns = {
  now: () => Date.now(),
  soon: (run) => void setImmediate(run),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs)
    return () => clearTimeout(handle)
  },
}

export async function openSimulatedStore(): Promise<Store> {
  const engine = new Engine()
  await engine.migrate()
  const slots = new Slots()
  slots.fill(20)
  const bus = createWakeBus()
  return createSimulatedStore({
    engine,
    turns,
    slots,
    notify: (channel, payload) => void setImmediate(() => bus.emit(channel, payload)),
    onWake: (channel, heard) => bus.on(channel, heard),
  })
}
