/** Who gets the result page of a sign-out, and with which right to look at it. */

import type { Instant } from '../ambient/clock.ts'
import type { Realm, RealmSettings } from '../realm/realm.ts'
import type { ReturnTo } from '../sign-out/trigger/decide-end-session.ts'
import { returnAddress } from '../sign-out/trigger/return-address.ts'
import { insertResultTicket } from '../sign-out/trigger/sign-out-result.ts'
import type { Tx } from '../store/store.ts'
import { resultLifetimeSeconds } from './page-cookie.ts'
import type { SignOutCall } from './sign-out-call.ts'

export interface ResultOf {
  readonly signOutId: string
  readonly accountId: string | undefined
  readonly clientId: string | undefined
  readonly returnTo: ReturnTo | undefined
}

/** The client attribute overrides the realm's (experience.md §8.2). */
export function resultPageOf(realm: Realm, clientId: string | undefined): RealmSettings['resultPage'] {
  const own = realm.clients.get(clientId ?? '')?.attributes['curfew.result.page']
  return own === 'never' || own === 'on-failure' || own === 'always' ? own : realm.settings.resultPage
}

/** The whole address that the browser goes back to without being asked. */
export function followedAddress(
  { parameters }: Pick<SignOutCall, 'parameters'>,
  returnTo: ReturnTo | undefined,
): string | undefined {
  return returnTo?.isFollowed ? returnAddress(returnTo.uri, parameters.state) : undefined
}

/** True when the page is shown whatever becomes of the deliveries. */
export function isPageCertain(call: SignOutCall, of: Pick<ResultOf, 'clientId' | 'returnTo'>): boolean {
  return (
    followedAddress(call, of.returnTo) === undefined || resultPageOf(call.realm, of.clientId) === 'always'
  )
}

/** Returns the value for the browser; the row travels with the commit. */
export function writeResultTicket(
  call: SignOutCall,
  tx: Tx,
  { signOutId, accountId, clientId, returnTo }: ResultOf,
  at: Instant,
): string {
  const { deps, realm, parameters } = call
  const isFollowed = followedAddress(call, returnTo) !== undefined
  const rule = isFollowed ? resultPageOf(realm, clientId) : 'always'
  const backTo = returnTo && returnAddress(returnTo.uri, parameters.state)
  const ticket = { signOutId, accountId, clientId, backTo, rule, uiLocales: parameters.ui_locales }
  return insertResultTicket(deps, tx, realm, ticket, resultLifetimeSeconds, at)
}
