/**
 * Notes when the response that gave an application its tokens left, so that its first notice is not sent before
 * the application has stored the session (SR-19), and what the application said of its own session (KK-53).
 */
import type { Instant } from '../ambient/clock.ts'
import { compiledStatement } from '../store/compiled-query.ts'
import type { Tx } from '../store/store.ts'

export interface Answered {
  readonly sessionUid: string
  readonly clientId: string
  readonly adapterSessionId?: string
  readonly adapterSessionHost?: string
}

export async function markAnswered(tx: Tx, answered: Answered, at: Instant): Promise<void> {
  const { sessionUid, clientId, adapterSessionId, adapterSessionHost } = answered
  await mark(tx, {
    sessionUid,
    clientId,
    at,
    adapterSessionId: adapterSessionId?.slice(0, 255) || null,
    adapterSessionHost: adapterSessionHost?.slice(0, 255) || null,
  })
}

const example = {
  sessionUid: '',
  clientId: '',
  at: 0,
  adapterSessionId: null as string | null,
  adapterSessionHost: null as string | null,
}

/** What the application did not say leaves what it said before. */
const mark = compiledStatement(example, (db, value) =>
  db
    .updateTable('client_session')
    .set(({ fn, ref, val }) => ({
      answered_at: value.at,
      last_active_at: value.at,
      adapter_session_id: fn.coalesce(val(value.adapterSessionId), ref('adapter_session_id')),
      adapter_session_host: fn.coalesce(val(value.adapterSessionHost), ref('adapter_session_host')),
    }))
    .where('session_uid', '=', value.sessionUid)
    .where('client_id', '=', value.clientId),
)
