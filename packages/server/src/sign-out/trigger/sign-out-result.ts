/** The right to look at the result of a sign-out for a while, after the session that could prove it has ended. */
import type { Instant } from '../../ambient/clock.ts'
import type { Random } from '../../ambient/random.ts'
import type { Realm, RealmSettings } from '../../realm/realm.ts'
import type { Queryable, Tx } from '../../store/store.ts'
import { findHandle, insertHandle } from './one-time-handle.ts'

export interface ResultTicket {
  readonly signOutId: string
  /** Whose sign-out it was: may be ended on other devices from the page. */
  readonly accountId: string | undefined
  /** The application that the person comes from. */
  readonly clientId: string | undefined
  /** The whole return address with its `state`. */
  readonly backTo: string | undefined
  /** Whether the way back is taken without the page (`never`), once everything is green, or only by hand. */
  readonly rule: RealmSettings['resultPage']
  readonly uiLocales: string | undefined
}

/** Returns the value for the browser; the row travels with the commit. */
export function insertResultTicket(
  deps: { readonly random: Random },
  tx: Tx,
  realm: Realm,
  ticket: ResultTicket,
  lifetimeSeconds: number,
  at: Instant,
): string {
  const handle = { realmId: realm.id, purpose: 'sign_out_result', payload: ticket, lifetimeSeconds } as const
  return insertHandle(deps, tx, handle, at)
}

/** undefined unless this browser was given the result of exactly this sign-out. */
export async function findResultTicket(
  on: Queryable,
  realm: Realm,
  of: { readonly cookie: string | undefined; readonly signOutId: string },
  at: Instant,
): Promise<ResultTicket | undefined> {
  if (of.cookie === undefined) return undefined
  const handle = await findHandle<ResultTicket>(
    on,
    { realmId: realm.id, purpose: 'sign_out_result', value: of.cookie },
    at,
  )
  return handle?.payload.signOutId === of.signOutId ? handle.payload : undefined
}
