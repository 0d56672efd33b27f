/**
 * Hears NOTIFY on a connection of its own and connects again when that is lost. A half-open connection goes
 * deaf without an error, so it is asked for a sign of life; polling carries the wake-ups meanwhile (T9, F-27).
 *
 * The sign of life is a greeting that the other processes hear. A process that hears none is alone and need not
 * send notices, which cost a statement, a lock of the whole database at the commit, and a wake-up of its own.
 */
import pg from 'pg'
import type { Ambient } from '../../ambient/ambient.ts'
import type { Instant } from '../../ambient/clock.ts'
import { sleep } from '../../ambient/timer.ts'
import type { WakeChannel } from '../store.ts'
import type { WakeBus } from '../wake.ts'

const channels: readonly WakeChannel[] = ['delivery', 'settled', 'realm']
const greetingChannel = 'curfew_greeting'
const signOfLifeIntervalMs = 10_000
/** Three greetings of another process would have come in this time. */
const aloneAfterMs = 30_000
const reconnectDelayMs = 1000

export interface Hearing {
  readonly bus: WakeBus
  readonly ambient: Ambient
  /** Notices of this origin were heard within the process already. */
  readonly origin: string
}

export interface Listening {
  /** True when no other process has been heard of for 30 s on a connection that is alive. */
  isAlone(): boolean
  stop(): Promise<void>
}

export function startListening(databaseUrl: string, hearing: Hearing): Listening {
  const stopping = new AbortController()
  const company: Company = { lastSeenAt: hearing.ambient.clock.now(), isHearing: false }
  const running = listenForEver(databaseUrl, { ...hearing, company }, stopping.signal)
  return {
    isAlone: () => company.isHearing && hearing.ambient.clock.now() - company.lastSeenAt >= aloneAfterMs,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

interface Company {
  /** When another process was heard of, or could have been missed. */
  lastSeenAt: Instant
  isHearing: boolean
}

type InCompany = Hearing & { readonly company: Company }

async function listenForEver(url: string, hearing: InCompany, stop: AbortSignal): Promise<void> {
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

async function listenOnce(
  url: string,
  { bus, ambient, origin, company }: InCompany,
  stop: AbortSignal,
): Promise<void> {
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
    company.lastSeenAt = ambient.clock.now()
    if (channel !== greetingChannel)
      bus.emit(channel.slice('curfew_'.length) as WakeChannel, payload.slice(blank + 1))
  })
  try {
    await client.connect()
    for (const channel of channels) await client.query(`listen curfew_${channel}`)
    await client.query(`listen ${greetingChannel}`)
    company.lastSeenAt = ambient.clock.now()
    company.isHearing = true
    while (!stop.aborted) {
      await client.query('select pg_notify($1, $2)', [greetingChannel, `${origin} `])
      await sleep(ambient.timer, signOfLifeIntervalMs, AbortSignal.any([stop, lost.signal]))
      lost.signal.throwIfAborted()
    }
  } finally {
    company.isHearing = false
    await client.end().catch(() => undefined)
  }
}
