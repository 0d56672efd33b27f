/**
 * The time that all processes on one database agree on (R18). A machine whose clock is minutes off would send
 * logout tokens that every receiver refuses, use a new key before it is published long enough, and find work due
 * too early or too late. So the database's clock is asked at the start and every 10 s, and where the machine's
 * disagrees, the time is counted on from that answer; a clock that is set in between changes nothing (F-28).
 */
import type { Ambient } from '../../ambient/ambient.ts'
import { type Clock, type Instant, isMachineClock, type MachineClock } from '../../ambient/clock.ts'
import { sleep } from '../../ambient/timer.ts'

/** Machines that keep their clocks agree far better than this, and a receiver accepts far more. */
const trustedOffsetMsMax = 500
/** Between two answers: more than this is a clock that was set. */
const stepMsMin = 1500
const askIntervalMs = 10_000
/** An answer that was longer under way says too little about the moment that it was given at. */
const roundTripMsMax = 1000

export interface DatabaseClock {
  readonly clock: Clock
  stop(): Promise<void>
}

/** A clock that is not the machine's own, which is a test's, is the time: it is not corrected. */
export async function startDatabaseClock(
  ambient: Pick<Ambient, 'clock' | 'timer' | 'log'>,
  readDatabaseNow: () => Promise<Instant>,
): Promise<DatabaseClock> {
  const { clock, timer, log } = ambient
  if (!isMachineClock(clock)) return { clock, stop: () => Promise.resolve() }
  const corrected = createCorrectedClock(clock, log)
  const ask = async (): Promise<void> => {
    const askedAtMs = clock.elapsedMs()
    const databaseAt = await readDatabaseNow()
    corrected.hear(databaseAt, askedAtMs, clock.elapsedMs())
  }
  await ask()
  const stopping = new AbortController()
  const asking = askForEver(ask, (ms) => sleep(timer, ms, stopping.signal), stopping.signal)
  return {
    clock: corrected,
    async stop() {
      stopping.abort()
      await asking
    },
  }
}

async function askForEver(
  ask: () => Promise<void>,
  pause: (ms: number) => Promise<void>,
  stop: AbortSignal,
): Promise<void> {
  await pause(askIntervalMs)
  while (!stop.aborted) {
    // a database that is away is somebody else's line in the log
    await ask().catch(() => undefined)
    await pause(askIntervalMs)
  }
}

/** What the database said, and when by the counter that nobody can set. */
interface Anchor {
  readonly databaseAt: Instant
  readonly elapsedMs: number
}

export interface CorrectedClock extends Clock {
  /** An answer of the database, with the counter's values before and after it. */
  hear(databaseAt: Instant, askedAtMs: number, answeredAtMs: number): void
}

export function createCorrectedClock(machine: MachineClock, log: Ambient['log']): CorrectedClock {
  let anchor: Anchor | undefined
  let isTrusted = true
  const believedNow = ({ databaseAt, elapsedMs }: Anchor): number =>
    databaseAt + machine.elapsedMs() - elapsedMs
  return {
    now() {
      const machineNow = machine.now()
      if (!anchor) return machineNow
      const believed = believedNow(anchor)
      return isTrusted && Math.abs(machineNow - believed) <= stepMsMin ? machineNow : Math.round(believed)
    },
    hear(databaseAt, askedAtMs, answeredAtMs) {
      if (anchor && answeredAtMs - askedAtMs > roundTripMsMax) return
      anchor = { databaseAt, elapsedMs: (askedAtMs + answeredAtMs) / 2 }
      const offsetMs = Math.round(machine.now() - believedNow(anchor))
      const wasTrusted = isTrusted
      isTrusted = Math.abs(offsetMs) <= trustedOffsetMsMax
      if (isTrusted === wasTrusted) return
      if (isTrusted) log.write('info', 'store.clock_agrees', { offset_ms: offsetMs })
      else log.write('warn', 'store.clock_corrected', { offset_ms: offsetMs }, sentenceOn(offsetMs))
    },
  }
}

function sentenceOn(offsetMs: number): string {
  const seconds = (Math.abs(offsetMs) / 1000).toFixed(1)
  return `The clock of this machine is ${seconds} s ${offsetMs > 0 ? 'ahead of' : 'behind'} the database's, which is used instead. Set the machine's clock (NTP).`
}
