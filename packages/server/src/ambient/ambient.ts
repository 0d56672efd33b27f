/**
 * The outside world as arguments: time, waiting, randomness, the log and the named fault points.
 *
 * Concept code takes what it needs of this as its first argument and reads none of it from a global
 * (house rule 3). The network is `sender/outbound-http.ts`, the database is `store/`.
 */
import { type Clock, systemClock } from './clock.ts'
import { type Gate, openGate } from './gate.ts'
import { type Log, silentLog } from './log.ts'
import { type Random, systemRandom } from './random.ts'
import { systemTimer, type Timer } from './timer.ts'

export interface Ambient {
  readonly clock: Clock
  readonly timer: Timer
  readonly random: Random
  readonly log: Log
  readonly gate: Gate
}

/** The real world; `overrides` replaces parts of it in tests. */
export function systemAmbient(overrides: Partial<Ambient> = {}): Ambient {
  return {
    clock: systemClock,
    timer: systemTimer,
    random: systemRandom,
    log: silentLog,
    gate: openGate,
    ...overrides,
  }
}
