/**
 * A cross-site POST to end_session arrives without the Lax session cookie (SR-21). Its parameters are put under a
 * handle for five minutes, sealed, and a 303 leads to a same-site GET that carries only the handle: the cookie is there,
 * and no hint stands in an address.
 */
import type { Instant } from '../../ambient/clock.ts'
import type { Random } from '../../ambient/random.ts'
import { type ServerSecret, seal, unseal } from '../../key/seal.ts'
import type { Realm } from '../../realm/realm.ts'
import type { Queryable, Store } from '../../store/store.ts'
import { findHandle, insertHandle } from './one-time-handle.ts'
import type { EndSessionParameters } from './read-end-session-facts.ts'

const lifetimeSeconds = 300

interface Kept {
  /** The parameters: a hint is a whole ID Token, which does not stand in the database in clear. */
  readonly sealed: string
}

export function keepRequest(
  deps: { readonly random: Random; readonly store: Store; readonly secret: ServerSecret },
  realm: Realm,
  parameters: EndSessionParameters,
  at: Instant,
): Promise<string> {
  const payload: Kept = {
    sealed: seal(deps.secret, deps.random, labelOf(realm), JSON.stringify(parameters)),
  }
  const handle = {
    realmId: realm.id,
    purpose: 'end_session_continued',
    payload,
    lifetimeSeconds,
  } as const
  return deps.store.transact(async (tx) => insertHandle(deps, tx, handle, at))
}

/** undefined when it is older than five minutes or was never kept. A reload of the question finds it again. */
export async function findKeptRequest(
  deps: { readonly on: Queryable; readonly secret: ServerSecret },
  realm: Realm,
  value: string,
  at: Instant,
): Promise<EndSessionParameters | undefined> {
  const of = { realmId: realm.id, purpose: 'end_session_continued', value } as const
  const kept = await findHandle<Kept>(deps.on, of, at)
  return (
    kept && (JSON.parse(unseal(deps.secret, labelOf(realm), kept.payload.sealed)) as EndSessionParameters)
  )
}

function labelOf({ id }: Realm): string {
  return `end_session_continued/${id}`
}
