/**
 * Who watches a sign-out: the answer that waits for the first round of notices, and the live pages. Wake-ups of
 * every process are heard; a look once a second carries the ones that are lost (F-27).
 */
import { sql } from 'kysely'
import type { Clock } from '../ambient/clock.ts'
import type { Log } from '../ambient/log.ts'
import type { Timer } from '../ambient/timer.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable, Store } from '../store/store.ts'

export interface SignOutFeed {
  /**
   * Waits until every delivery of the sign-out has had its first try settled; true when that is so. False after
   * `timeoutMs` (SR-11: 400 ms), or as soon as nothing that is open can settle in that time: a wide sign-out is not
   * waited for until all its deliveries are written (D18).
   */
  waitFirstRound(signOutId: string, timeoutMs: number): Promise<boolean>
  /** Calls `onChange` after each change that was committed, within 1 s (I9). Returns a stop. */
  watch(signOutId: string, onChange: () => void): () => void
  stop(): void
}

export interface FeedDeps {
  readonly store: Store
  readonly clock: Clock
  readonly timer: Timer
  readonly log: Log
}

const lookIntervalMs = 1000

export function createSignOutFeed({ store, clock, timer, log }: FeedDeps): SignOutFeed {
  const watchers = new Map<string, Set<() => void>>()
  const seen = new Map<string, string>()
  let isLooking = false
  let isStopped = false
  const stopHearing = store.onWake('settled', call)

  function call(signOutId: string): void {
    for (const onChange of watchers.get(signOutId) ?? []) onChange()
  }

  /** Calls those whose rows are not as they were a second ago. Runs only while somebody watches. */
  async function look(): Promise<void> {
    const versions = await readVersions(store.read, [...watchers.keys()])
    for (const signOutId of watchers.keys()) {
      const version = versions.get(signOutId) ?? ''
      const known = seen.get(signOutId)
      seen.set(signOutId, version)
      if (known !== version) call(signOutId)
    }
  }

  function lookLater(): void {
    if (isLooking || isStopped || watchers.size === 0) return
    isLooking = true
    timer.after(lookIntervalMs, () => {
      look()
        .catch((error) => log.write('warn', 'delivery.feed_postponed', { error: String(error) }))
        .finally(() => {
          isLooking = false
          lookLater()
        })
    })
  }

  function watch(signOutId: string, onChange: () => void): () => void {
    // a call of its own for each watcher, also when two hand in the same function
    const own = (): void => onChange()
    const set = watchers.get(signOutId) ?? new Set()
    watchers.set(signOutId, set.add(own))
    lookLater()
    return () => {
      set.delete(own)
      if (set.size > 0 || watchers.get(signOutId) !== set) return
      watchers.delete(signOutId)
      seen.delete(signOutId)
    }
  }

  return {
    watch,
    waitFirstRound: (signOutId, timeoutMs) =>
      waitFirstRound({ read: store.read, clock, timer, watch }, signOutId, timeoutMs),
    stop() {
      isStopped = true
      stopHearing()
      watchers.clear()
    },
  }
}

interface WaitDeps extends Pick<FeedDeps, 'clock' | 'timer'> {
  readonly read: Queryable
  watch(signOutId: string, onChange: () => void): () => void
}

async function waitFirstRound(deps: WaitDeps, signOutId: string, timeoutMs: number): Promise<boolean> {
  const deadline = deps.clock.now() + timeoutMs
  // not on the connection that all share: who locks the outbox must hold up no look at a session (F-26)
  const { db, dialect } = deps.read
  let change = Promise.withResolvers<void>()
  const stopWatching = deps.watch(signOutId, () => change.resolve())
  const timedOut = Promise.withResolvers<void>()
  const cancel = deps.timer.after(timeoutMs, timedOut.resolve)
  try {
    for (;;) {
      const [round] = await openInFirstRound({ db, dialect }, { signOutId })
      if (!round?.open_count || round.soonest_at === null) return round?.unfinished_count === 0
      if (round.soonest_at > deadline || deps.clock.now() >= deadline) return false
      await Promise.race([change.promise, timedOut.promise])
      change = Promise.withResolvers()
    }
  } finally {
    cancel()
    stopWatching()
  }
}

/** Deliveries of the first generation whose first try is not settled, and when the first of them may be tried. */
const openInFirstRound = compiledQuery(['signOutId'], (db, { signOutId }) =>
  db
    .selectFrom('delivery as d')
    .leftJoin('endpoint as e', 'e.id', 'd.endpoint_id')
    .where('d.sign_out_id', '=', signOutId)
    .where('d.generation', '=', 1)
    .where(({ or, and, eb }) =>
      or([
        and([eb('d.state', '=', 'pending'), eb('d.attempt_count', '=', 0)]),
        and([eb('d.state', '=', 'leased'), eb('d.attempt_count', '<=', 1)]),
      ]),
    )
    .select(({ fn, selectFrom }) => [
      fn.countAll<number>().as('open_count'),
      sql<number | null>`min(case when e.open_until > d.due_at then e.open_until else d.due_at end)`.as(
        'soonest_at',
      ),
      selectFrom('sign_out')
        .select(fn.countAll<number>().as('count'))
        .where('id', '=', signOutId)
        .where('completed_at', 'is', null)
        .as('unfinished_count'),
    ]),
)

/** A text for each sign-out that differs whenever one of its deliveries, or of its parts, has changed. */
async function readVersions(
  on: Queryable,
  signOutIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (signOutIds.length === 0) return new Map()
  const { rows } = await sql<{ id: string; version: string }>`
    select asked.id, concat_ws('.', count(d.id), sum(d.fence), count(d.settled_at), count(d.lease_until),
      count(part.completed_at)) as version
    from sign_out asked
    left join sign_out part on part.id = asked.id or part.parent_id = asked.id
    left join delivery d on d.sign_out_id = part.id
    where ${isOneOf(on, 'asked.id', signOutIds)}
    group by asked.id`.execute(on.db)
  return new Map(rows.map(({ id, version }) => [id, version]))
}
