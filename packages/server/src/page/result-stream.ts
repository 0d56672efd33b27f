/**
 * The stream behind the result page: server-sent events (experience.md §7.4). The first event is a snapshot of
 * everything, so a lost one does no harm; ids grow with each event.
 * @see HTML Living Standard §9.2, Server-sent events
 */
import type { FastifyReply } from 'fastify'
import type { Log } from '../ambient/log.ts'
import type { Timer } from '../ambient/timer.ts'
import type { SignOutFeed } from '../delivery/feed.ts'
import { summarise } from './result-page.ts'
import { type Result, statusOf } from './result-rows.ts'

export interface StreamDeps {
  readonly feed: Pick<SignOutFeed, 'watch'>
  readonly ambient: {
    readonly timer: Timer
    readonly log: Log
  }
}

export interface StreamedResult {
  readonly signOutId: string
  read(): Promise<Result>
}

const heartbeatMs = 15_000
const lifetimeMs = 300_000
/** Streams at once; who comes later polls. */
const streamCountMax = 2000

export interface ResultStreams {
  open(reply: FastifyReply, result: StreamedResult): FastifyReply
  /** Ends them all without saying that anything is settled: a browser comes again, here or at another process. */
  closeAll(): void
}

export function createResultStreams(deps: StreamDeps): ResultStreams {
  const open = new Set<FastifyReply['raw']>()
  const look = shareLooks()
  return {
    open(reply, result) {
      // 204 tells an EventSource to stop asking; the page polls
      if (open.size >= streamCountMax) return reply.code(204).send()
      reply.hijack()
      const { raw } = reply
      raw.writeHead(200, {
        ...reply.getHeaders(),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      } as Record<string, string>)
      raw.write('retry: 2000\n\n')
      open.add(raw)
      raw.once('close', () => open.delete(raw))
      run(deps, { signOutId: result.signOutId, look: () => look(result) }, raw)
      return reply
    },
    closeAll() {
      for (const raw of open) raw.end()
    },
  }
}

/** What all who watch one sign-out are shown at one moment. */
interface Look {
  readonly status: ReturnType<typeof statusOf>
  /** Each application of it as text, by its id. */
  readonly applications: ReadonlyMap<string, string>
  readonly isSettled: boolean
}

/**
 * A change wakes everybody who watches its sign-out: they share one look, or a thousand would read the same rows each
 * (S-11). A look that has begun is not joined, because it may be older than the change.
 */
function shareLooks(): (result: StreamedResult) => Promise<Look> {
  const waiting = new Map<string, Promise<Look>>()
  return (result) => {
    const joined = waiting.get(result.signOutId)
    if (joined) return joined
    const begun = new Promise<void>((begin) => setImmediate(begin)).then(() => {
      waiting.delete(result.signOutId)
      return lookAt(result)
    })
    waiting.set(result.signOutId, begun)
    return begun
  }
}

async function lookAt(result: StreamedResult): Promise<Look> {
  const read = await result.read()
  const status = statusOf(read)
  const texts = status.applications.map((one) => [one.id, JSON.stringify(one)] as const)
  return { status, applications: new Map(texts), isSettled: summarise(read).isSettled }
}

interface Watched {
  readonly signOutId: string
  look(): Promise<Look>
}

function run({ feed, ambient }: StreamDeps, watched: Watched, raw: FastifyReply['raw']): void {
  let sent: Look['applications'] = new Map()
  let eventId = 0
  let isReading = false
  let isChanged = false
  let cancelHeartbeat: () => void = () => undefined

  const send = (event: string, data: unknown): void => {
    eventId += 1
    raw.write(`id: ${eventId}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  const sendChanges = async (): Promise<void> => {
    const { status, applications, isSettled } = await watched.look()
    if (eventId === 0) send('snapshot', status)
    else {
      const changed = status.applications.filter(({ id }) => sent.get(id) !== applications.get(id))
      for (const application of changed) send('app', application)
      if (changed.length > 0) send('summary', status.summary)
    }
    sent = applications
    if (isSettled) end()
  }
  // one reading at a time; what changes meanwhile is read after it
  const look = (): void => {
    isChanged = true
    if (isReading || raw.writableEnded) return
    isReading = true
    isChanged = false
    sendChanges()
      .catch((error) => {
        ambient.log.write('warn', 'result.stream_failed', {
          sign_out_id: watched.signOutId,
          error: String(error),
        })
        raw.end()
      })
      .finally(() => {
        isReading = false
        if (isChanged) look()
      })
  }
  const beat = (): void => {
    raw.write(': still here\n\n')
    cancelHeartbeat = ambient.timer.after(heartbeatMs, beat)
  }
  const end = (): void => {
    if (raw.writableEnded) return
    send('end', {})
    raw.end()
  }
  const stopWatching = feed.watch(watched.signOutId, look)
  const cancelEnd = ambient.timer.after(lifetimeMs, end)
  cancelHeartbeat = ambient.timer.after(heartbeatMs, beat)
  raw.once('close', () => {
    stopWatching()
    cancelEnd()
    cancelHeartbeat()
  })
  look()
}
