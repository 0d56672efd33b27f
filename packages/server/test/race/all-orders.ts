/**
 * Runs two operations in every order of their steps: each stops at its gates, and a schedule says whose turn it
 * is. An operation that waits for the other's lock loses its turn; it goes on when the lock is free.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Gate, GateName } from '../../src/ambient/gate.ts'

/** An operation between two gates that takes longer waits for a lock, or for a machine that is busy. */
const stepLimitMs = 30
/** After the last turn everybody runs to the end. */
const endLimitMs = 10_000

export type Side = 'first' | 'second'

export interface Operation<Result> {
  /** Where it stops, in order; it may pass fewer of them. */
  readonly gates: readonly GateName[]
  run(): Promise<Result>
}

export interface Sequencer {
  /** Handed to the product code of both. Open for everything that is not part of a race. */
  readonly gate: Gate
  race<First, Second>(
    first: Operation<First>,
    second: Operation<Second>,
    order: readonly Side[],
  ): Promise<readonly [First, Second]>
}

/** Every order of `firstCount` steps of the one and `secondCount` of the other. */
export function allOrders(firstCount: number, secondCount: number): readonly (readonly Side[])[] {
  if (firstCount === 0 && secondCount === 0) return [[]]
  const begin = (side: Side, rest: readonly (readonly Side[])[]): readonly (readonly Side[])[] =>
    rest.map((order) => [side, ...order])
  return [
    ...(firstCount > 0 ? begin('first', allOrders(firstCount - 1, secondCount)) : []),
    ...(secondCount > 0 ? begin('second', allOrders(firstCount, secondCount - 1)) : []),
  ]
}

/** The start and each gate are a step. */
export function ordersOf(
  first: readonly GateName[],
  second: readonly GateName[],
): readonly (readonly Side[])[] {
  return allOrders(first.length + 1, second.length + 1)
}

interface Runner {
  readonly gates: readonly GateName[]
  readonly start: () => void
  hasStarted: boolean
  isDone: boolean
  /** Gates passed or reached so far. */
  reachedCount: number
  release: (() => void) | undefined
  /** Resolves at the next gate, or at the end. */
  moved: PromiseWithResolvers<void>
}

export function createSequencer(): Sequencer {
  let runners: readonly Runner[] = []
  let latest: Runner | undefined

  /** Who stands at this gate: one that runs and expects it; of two such, the one whose turn it was. */
  function findRunner(name: GateName): Runner | undefined {
    const fits = (one: Runner): boolean =>
      one.hasStarted && !one.isDone && !one.release && one.gates.indexOf(name, one.reachedCount) >= 0
    const fitting = runners.filter(fits)
    return fitting.find((one) => one === latest) ?? fitting[0]
  }

  return {
    gate(name) {
      const runner = findRunner(name)
      if (!runner) return undefined
      runner.reachedCount = runner.gates.indexOf(name, runner.reachedCount) + 1
      return new Promise((resolve) => {
        runner.release = resolve
        runner.moved.resolve()
      })
    },
    async race(first, second, order) {
      const firstRun = createRunner(first)
      const secondRun = createRunner(second)
      runners = [firstRun.runner, secondRun.runner]
      for (const side of order) {
        latest = side === 'first' ? firstRun.runner : secondRun.runner
        await step(latest)
      }
      const results = Promise.all([firstRun.result, secondRun.result])
      const giveUpAt = performance.now() + endLimitMs
      while (runners.some((one) => !one.isDone) && performance.now() < giveUpAt) {
        for (const one of runners) letGo(one)
        await wait(1)
      }
      runners = []
      return (await Promise.race([results, wait(endLimitMs, undefined, { ref: false })])) ?? stuck(order)
    },
  }
}

function stuck(order: readonly Side[]): never {
  throw new Error(`the two wait for each other in the order ${order.join(' ')}`)
}

function createRunner<Result>(operation: Operation<Result>): { runner: Runner; result: Promise<Result> } {
  const result = Promise.withResolvers<Result>()
  const runner: Runner = {
    gates: operation.gates,
    start() {
      operation
        .run()
        .then(result.resolve, result.reject)
        .finally(() => {
          runner.isDone = true
          runner.moved.resolve()
        })
    },
    hasStarted: false,
    isDone: false,
    reachedCount: 0,
    release: undefined,
    moved: Promise.withResolvers(),
  }
  result.promise.catch(() => undefined)
  return { runner, result: result.promise }
}

async function step(runner: Runner): Promise<void> {
  if (runner.isDone) return
  if (runner.hasStarted && !runner.release) return
  runner.moved = Promise.withResolvers()
  letGo(runner)
  await Promise.race([runner.moved.promise, wait(stepLimitMs)])
}

function letGo(runner: Runner): void {
  if (!runner.hasStarted) {
    runner.hasStarted = true
    runner.start()
    return
  }
  const { release } = runner
  runner.release = undefined
  release?.()
}
