/**
 * Virtual time and the order of everything. Each place where simulated code waits (a statement, a gate, a timer,
 * an answer) is an item here; the seed chooses which one goes on. Between two items the microtasks run dry, so no
 * promise is ever raced outside of this file.
 */
import type { Instant } from '../../src/ambient/clock.ts'
import type { SeededRandom } from './seeded-random.ts'

/** Whose work it is: a process that can die or freeze, or the world (network, people). */
export interface Owner {
  isAlive: boolean
  isFrozen: boolean
  /** Work that came up while it was frozen. */
  readonly parked: (() => void)[]
}

interface Item {
  readonly owner: Owner
  readonly run: () => void
}

interface TimerEntry extends Item {
  readonly at: Instant
  readonly order: number
}

const nativeSetImmediate = globalThis.setImmediate

export class Scheduler {
  now: Instant
  stepCount = 0
  readonly #random: SeededRandom
  /** The share of steps that go on with what became ready last: from lock-step to runs of one task. */
  readonly #stickiness: number
  readonly #ready: Item[] = []
  #timers: TimerEntry[] = []
  #order = 0
  #current: Owner | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(random: SeededRandom, now: Instant) {
    this.#random = random
    this.now = now
    this.#stickiness = random.pick([0, 0.3, 0.6, 0.8])
  }

  /** Makes the run fail with this error at the next step. */
  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  soon(owner: Owner, run: () => void): void {
    if (!owner.isAlive) return
    if (owner.isFrozen) owner.parked.push(run)
    else this.#ready.push({ owner, run })
  }

  after(owner: Owner, delayMs: number, run: () => void): () => void {
    const entry = { owner, run, at: this.now + Math.max(0, Math.ceil(delayMs)), order: this.#order++ }
    this.#timers.push(entry)
    return () => {
      const index = this.#timers.indexOf(entry)
      if (index >= 0) this.#timers.splice(index, 1)
    }
  }

  thaw(owner: Owner): void {
    owner.isFrozen = false
    for (const run of owner.parked.splice(0)) this.soon(owner, run)
  }

  /** Runs steps until `isDone`, or until nothing can happen any more. `setImmediate` is a place to wait like others. */
  async run(isDone: () => boolean): Promise<void> {
    const simulated = (run: (...args: unknown[]) => void, ...args: unknown[]): NodeJS.Immediate => {
      this.soon(this.#current as Owner, () => run(...args))
      return undefined as unknown as NodeJS.Immediate
    }
    globalThis.setImmediate = simulated as unknown as typeof setImmediate
    try {
      await new Promise<void>((resolve, reject) => {
        const step = (): void => {
          try {
            if (this.#failure) throw this.#failure.error
            if (isDone() || !this.#step()) {
              resolve()
              return
            }
          } catch (error) {
            reject(error)
            return
          }
          // a tick that is asked for by a microtask comes when the microtasks have run dry
          queueMicrotask(() => process.nextTick(step))
        }
        step()
      })
    } finally {
      globalThis.setImmediate = nativeSetImmediate
    }
  }

  #step(): boolean {
    const random = this.#random
    this.stepCount += 1
    if (this.#ready.length > 0 && random.chance(0.2)) this.now += 1
    this.#fireTimers()
    while (this.#ready.length === 0) {
      if (this.#timers.length === 0) return false
      this.now = this.#timers.reduce((at, timer) => Math.min(at, timer.at), Number.POSITIVE_INFINITY)
      this.#fireTimers()
    }
    const last = this.#ready.length - 1
    const index = random.chance(this.#stickiness) ? last : random.below(last + 1)
    const item = this.#ready[index] as Item
    this.#ready[index] = this.#ready[last] as Item
    this.#ready.pop()
    const { owner } = item
    if (!owner.isAlive) return true
    if (owner.isFrozen) {
      owner.parked.push(item.run)
      return true
    }
    this.#current = owner
    item.run()
    return true
  }

  #fireTimers(): void {
    if (!this.#timers.some((timer) => timer.at <= this.now)) return
    const due = this.#timers.filter((timer) => timer.at <= this.now)
    this.#timers = this.#timers.filter((timer) => timer.at > this.now)
    due.sort((one, other) => one.at - other.at || one.order - other.order)
    for (const { owner, run } of due) this.soon(owner, run)
  }
}

/** Lets the real event loop turn: between seeds, so that signals and time limits work. */
export function realTurn(): Promise<void> {
  return new Promise((resolve) => nativeSetImmediate(resolve))
}
