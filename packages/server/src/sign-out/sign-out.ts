/**
 * Sign-out: the decision that a session ends, and the promise that every application of it is told.
 *
 * Terms
 * - sign-out: one decision, with an id `so_…`; one per session, whoever asks (I11).
 * - parent: a sign-out over many sessions; each of them gets a sign-out of its own below it (D18).
 * - ordinary, security: whether offline grants survive (SR-06).
 *
 * Invariants
 * - I1: after the commit nothing derived from the session can be used to get anything new.
 * - I2: the same commit writes one delivery for each application and channel of the session.
 * - I11: one path for every cause; the first cause wins and later ones get its id.
 *
 * @see OpenID Connect RP-Initiated Logout 1.0 §2, OpenID Connect Back-Channel Logout 1.0 §2
 */
import type { Ambient } from '../ambient/ambient.ts'
import type { EventDeps } from '../event/record-event.ts'
import type { Realms } from '../realm/realm.ts'
import type { Store } from '../store/store.ts'
import { closeAccount } from './close-account.ts'
import { closeApplication } from './close-application.ts'
import { closeRealm } from './close-realm.ts'
import { closeSession } from './close-session.ts'
import type { ClosingDeps } from './closing.ts'
import type { SignOutCommand, SignOutResult } from './sign-out-command.ts'

export interface SignOutDeps extends EventDeps {
  readonly store: Store
  readonly realms: Realms
  readonly ambient: Ambient
}

/**
 * Ends what the command names and writes the deliveries, in one transaction; returns when that is durable.
 * Nobody has been told yet: the dispatcher is awake (`delivery/`), and the caller may wait for the first round.
 * @throws CURFEW_STORE_UNAVAILABLE when the database is away: nothing was ended, the caller answers with an error
 */
export async function signOut(deps: SignOutDeps, command: SignOutCommand): Promise<SignOutResult> {
  const { store, realms, ambient } = deps
  const realm = await realms.byId(command.realmId)
  if (!realm) return { ok: false, reason: 'session_unknown' }
  await ambient.gate('signOut.beforeLock')
  const closing: ClosingDeps = { ...deps, realm, gate: ambient.gate }
  const result = await store.transact((tx) => close(closing, command, tx))
  await ambient.gate('signOut.afterCommit')
  return result

  function close(
    on: ClosingDeps,
    { scope }: SignOutCommand,
    tx: Parameters<typeof closeSession>[1],
  ): Promise<SignOutResult> {
    const at = ambient.clock.now()
    switch (scope.kind) {
      case 'session':
        return closeSession(on, tx, command, scope, at)
      case 'application':
        return closeApplication(on, tx, command, scope, at)
      case 'account':
        return closeAccount(on, tx, command, scope, at)
      case 'realm':
        return closeRealm(on, tx, command, scope, at)
    }
  }
}
