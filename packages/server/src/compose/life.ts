/** How the server begins, stops and ends. */
import type { Ambient } from '../ambient/ambient.ts'
import { type Background, startBackground } from '../background/background.ts'
import type { Settings } from '../config/schema.ts'
import type { Dispatcher } from '../delivery/dispatcher.ts'
import type { SignOutFeed } from '../delivery/feed.ts'
import { forgetDeadLeases } from '../delivery/forget-dead-leases.ts'
import type { Realms } from '../realm/realm.ts'
import type { OutboundHttp } from '../sender/outbound-http.ts'
import type { SignOutDeps } from '../sign-out/sign-out.ts'
import { endProcess } from '../store/process.ts'
import type { Store } from '../store/store.ts'
import type { WorkerName } from '../store/worker-name.ts'
import { backgroundJobs } from './background-jobs.ts'
import type { ComposedHttp } from './compose-http.ts'
import type { Listening } from './listen.ts'

export interface Life extends AsyncDisposable {
  /** Opens the port and starts telling applications. */
  listen(): Promise<{ readonly url: string }>
  /** Takes no more requests, finishes those in flight and the tries under way (D16). */
  drain(): Promise<void>
}

export interface LivingParts {
  readonly store: Store
  readonly realms: Realms
  readonly ambient: Ambient
  /** As the store knows it. */
  readonly processId: string
  readonly worker: WorkerName
  readonly outbound: OutboundHttp
  readonly signOut: SignOutDeps
  readonly feed: SignOutFeed
  readonly dispatcher: Dispatcher
  renewAllowed(): Promise<number>
  readonly http: ComposedHttp
  readonly listening: Listening
}

export function lifeOf(parts: LivingParts, settings: Settings): Life {
  const { store, ambient, processId, worker, outbound, feed, dispatcher, http, listening } = parts
  let background: Background | undefined
  const stop = async (graceMs: number): Promise<void> => {
    http.startDraining()
    await background?.stop()
    await Promise.all([dispatcher.stop(graceMs), http.close(graceMs)])
  }
  return {
    async listen() {
      await listening.accept(http.app, http.management)
      await forgetDeadLeases(store, worker, ambient.clock.now())
      dispatcher.start()
      background = startBackground(ambient, backgroundJobs(parts, settings))
      return { url: listening.url }
    },
    drain: () => stop(settings['drain.timeout_seconds'] * 1000),
    async [Symbol.asyncDispose]() {
      await stop(0)
      feed.stop()
      await listening.release()
      // the database may be the reason for the end; a silent heartbeat is forgotten by itself
      await endProcess(store, processId).catch(() => undefined)
      await outbound.close()
      await store[Symbol.asyncDispose]()
      worker[Symbol.dispose]()
    },
  }
}
