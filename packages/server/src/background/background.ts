/**
 * Work that nobody asked for: the expiry sweep, the second half of wide sign-outs, housekeeping. Each job runs
 * alone, half of the time while it says that more is left, and never at the same time as itself.
 */
import type { Ambient } from '../ambient/ambient.ts'
import { sleep } from '../ambient/timer.ts'

export interface Job {
  readonly name: string
  /** Pause between two runs that found nothing, in milliseconds. */
  readonly intervalMs: number
  /** One bounded piece of work; true = there is more, run again after a rest as long as the piece took. */
  run(): Promise<boolean>
}

export interface Background {
  /** Lets running pieces finish and starts no more. */
  stop(): Promise<void>
}

/** A piece that took longer waited for something else, or the clock was set. */
const restMsMax = 100

export function startBackground(ambient: Ambient, jobs: readonly Job[]): Background {
  const stopping = new AbortController()
  const loops = jobs.map((job) => repeat(ambient, job, stopping.signal))
  return {
    async stop() {
      stopping.abort()
      await Promise.all(loops)
    },
  }
}

async function repeat(ambient: Ambient, job: Job, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const startedAt = ambient.clock.now()
    const hasMore = await runOnce(ambient, job)
    // who signs in meanwhile would wait for piece after piece of a long backlog
    const restMs = Math.min(Math.max(ambient.clock.now() - startedAt, 1), restMsMax)
    await sleep(ambient.timer, hasMore ? restMs : job.intervalMs, stop)
  }
}

/** A job that fails is tried again at its next time: the database may be away for a while. */
async function runOnce(ambient: Ambient, job: Job): Promise<boolean> {
  try {
    return await job.run()
  } catch (error) {
    ambient.log.write('warn', 'background.failed', {
      job: job.name,
      error: error instanceof Error ? error.message : String(error),
    })
    return false
  }
}
