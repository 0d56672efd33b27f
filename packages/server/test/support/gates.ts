/** Stops product code at its named gates, so that a test decides the order of what runs at the same time. */
import type { Gate, GateName } from '../../src/ambient/gate.ts'

export interface Gates {
  readonly gate: Gate
  /** The next arrival at this gate waits there until it is released. */
  hold(name: GateName): Held
}

export interface Held {
  /** Resolves when somebody stands at the gate. */
  readonly reached: Promise<void>
  release(): void
}

export function createGates(): Gates {
  const waiting: { name: GateName; arrive: () => void; released: Promise<void> }[] = []
  return {
    async gate(name) {
      const index = waiting.findIndex((held) => held.name === name)
      if (index < 0) return
      const [held] = waiting.splice(index, 1)
      held?.arrive()
      await held?.released
    },
    hold(name) {
      const arrived = Promise.withResolvers<void>()
      const released = Promise.withResolvers<void>()
      waiting.push({ name, arrive: arrived.resolve, released: released.promise })
      return { reached: arrived.promise, release: released.resolve }
    },
  }
}
