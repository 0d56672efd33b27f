/**
 * Notes when the response that gave an application its tokens left, so that its first notice is not sent before
 * the application has stored the session (SR-19), and on which host an adapter said that it is (KA-13).
 */
import type { Instant } from '../ambient/clock.ts'
import { compiledStatement } from '../store/compiled-query.ts'
import type { Tx } from '../store/store.ts'

export interface Answered {
  readonly sessionUid: string
  readonly clientId: string
  readonly adapterSessionHost?: string
}

export async function markAnswered(tx: Tx, answered: Answered, at: Instant): Promise<void> {
  const { sessionUid, clientId, adapterSessionHost } = answered
  await mark(tx, {
    sessionUid,
    clientId,
    at,
    adapterSessionHost: adapterSessionHost?.slice(0, 255) || null,
  })
}

const example = {
  sessionUid: '',
  clientId: '',
  at: 0,
  adapterSessionHost: null as string | null,
}

/** What the application did not say leaves what it said before. */
const mark = compiledStatement(example, (db, value) =>
  db
    .updateTable('client_session')
    .set(({ fn, ref, val }) => ({
      answered_at: value.at,
      last_active_at: value.at,
      adapter_session_host: fn.coalesce(val(value.adapterSessionHost), ref('adapter_session_host')),
    }))
    .where('session_uid', '=', value.sessionUid)
    .where('client_id', '=', value.clientId),
)
