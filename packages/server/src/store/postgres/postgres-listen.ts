/**
 * Hears NOTIFY on a connection of its own and connects again when that is lost. A half-open connection goes
 * deaf without an error, so it is asked for a sign of life; polling carries the wake-ups meanwhile (T9, F-27).
 */
import pg from 'pg'
import type { Ambient } from '../../ambient/ambient.ts'
import { sleep } from '../../ambient/timer.ts'
import type { WakeChannel } from '../store.ts'
import type { WakeBus } from '../wake.ts'

const channels: readonly WakeChannel[] = ['delivery', 'settled', 'realm']
const signOfLifeIntervalMs = 10_000
const reconnectDelayMs = 1000

export interface Hearing {
  readonly bus: WakeBus
  readonly ambient: Ambient
  /** Notices of this origin were heard within the process already. */
  readonly origin: string
}

export function startListening(databaseUrl: string, hearing: Hearing): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const running = listenForEver(databaseUrl, hearing, stopping.signal)
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

async function listenForEver(url: string, hearing: Hearing, stop: AbortSignal): Promise<void> {
  const { log, timer } = hearing.ambient
  while (!stop.aborted) {
    try {
      await listenOnce(url, hearing, stop)
    } catch (error) {
      log.write('warn', 'store.listen_lost', {
        error: error instanceof Error ? error.message : String(error),
      })
    }
    await sleep(timer, reconnectDelayMs, stop)
  }
}

async function listenOnce(url: string, { bus, ambient, origin }: Hearing, stop: AbortSignal): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    query_timeout: 5000,
    keepAlive: true,
    application_name: 'curfew-listen',
  })
  const lost = new AbortController()
  client.on('error', (error) => lost.abort(error))
  client.on('notification', ({ channel, payload = '' }) => {
    const blank = payload.indexOf(' ')
    if (payload.slice(0, blank) === origin) return
    bus.emit(channel.slice('curfew_'.length) as WakeChannel, payload.slice(blank + 1))
  })
  try {
    await client.connect()
    for (const channel of channels) await client.query(`listen curfew_${channel}`)
    while (!stop.aborted) {
      await sleep(ambient.timer, signOfLifeIntervalMs, AbortSignal.any([stop, lost.signal]))
      lost.signal.throwIfAborted()
      if (!stop.aborted) await client.query('select 1')
    }
  } finally {
    await client.end().catch(() => undefined)
  }
}
