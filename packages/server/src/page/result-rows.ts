/** The rows of a result, from the deliveries: for the page, the stream and the status. */
import { createHash } from 'node:crypto'
import type { Instant } from '../ambient/clock.ts'
import { type DisplayState, displayApplication, displayWords, summarize } from '../delivery/display-state.ts'
import type { SignOutView } from '../delivery/read-sign-out.ts'
import type { Realm } from '../realm/realm.ts'
import { applicationName } from '../rp/client.ts'
import type { SafeUrl } from './html.ts'
import type { ResultRow } from './result-page.ts'
import { applicationLink } from './sign-out-call.ts'

export interface Result {
  readonly rows: readonly ResultRow[]
  /** Applications of a very wide sign-out that are not among the rows: more than anybody would read. */
  readonly hiddenCount: number
}

export function resultOf(realm: Realm, view: SignOutView, at: Instant): Result {
  const hiddenCount = view.isTruncated ? Math.max(1, view.applicationCount - view.applications.length) : 0
  return { rows: resultRows(realm, view, at), hiddenCount }
}

/** The same members as the stream's `snapshot`. Never a technical reason and never a person. */
export function statusOf({ rows, hiddenCount }: Result) {
  const summary = summarize(rows.map((row) => row.state))
  return {
    applications: rows.map(({ key, application, state }) => ({
      id: key,
      name: application,
      state: state.word,
      sentence: state.sentence,
      ms: state.tookMs,
      next_at: state.nextAt === undefined ? undefined : new Date(state.nextAt).toISOString(),
      ends_at: state.endsAt === undefined ? undefined : new Date(state.endsAt).toISOString(),
    })),
    summary: { ...summary, total: summary.total + hiddenCount },
  }
}

/** One row for each application; of one that was open in several sessions the state that is furthest from done. */
function resultRows(realm: Realm, view: SignOutView, at: Instant): readonly ResultRow[] {
  const states = new Map<string, DisplayState>()
  for (const application of view.applications) {
    const state = displayApplication(view, application, at)
    const known = states.get(application.clientId)
    if (!known || rank(state) > rank(known)) states.set(application.clientId, state)
  }
  const rows = [...states].map(([clientId, state]): ResultRow => {
    const client = realm.clients.get(clientId)
    const isOpenThere = state.word === 'not_supported' || state.word === 'could_not'
    const openUrl: SafeUrl | undefined = isOpenThere ? applicationLink(client)?.url : undefined
    return { key: keyOf(clientId), application: applicationName(client, clientId), state, openUrl }
  })
  return rows.sort((a, b) => a.application.localeCompare(b.application, 'en'))
}

function rank({ word }: DisplayState): number {
  return displayWords.indexOf(word)
}

/** Stable in all answers, and fit for an `id`. */
function keyOf(clientId: string): string {
  return createHash('sha256').update(clientId).digest('hex').slice(0, 8)
}
