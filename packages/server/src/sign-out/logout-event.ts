/** The LOGOUT event of one session (keycloak-dialect.md KE-05): what Keycloak says, and the sign-out and its cause. */
import type { NewEvent } from '../event/event.ts'
import type { Realm } from '../realm/realm.ts'
import type { Session } from '../session/session.ts'
import type { SignOutCommand } from './sign-out-command.ts'

export function logoutEvent(
  realm: Realm,
  command: SignOutCommand,
  session: Session,
  signOutId: string,
): NewEvent {
  const { scope } = command
  return {
    type: 'LOGOUT',
    realm,
    // KE-04: a sign-out without an application shows the built-in one
    clientId: scope.kind === 'application' ? scope.clientId : (command.actor.clientId ?? 'account'),
    accountId: session.accountId,
    sessionUid: session.uid,
    ipAddress: command.actor.ipAddress,
    details: {
      ...command.eventDetails,
      ...(scope.kind === 'application' ? { scope: 'application' } : {}),
      cause: command.cause,
      sign_out_id: signOutId,
    },
  }
}
