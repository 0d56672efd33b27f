/** Ends a session without a question: the request has proven that it may ask for it (SR-20). */
import { readSession } from '../session/read-session.ts'
import { signOut } from '../sign-out/sign-out.ts'
import type { SignOutCall } from './sign-out-call.ts'

export interface EndedNow {
  readonly signOutId: string
  readonly accountId: string | undefined
  readonly endedSessionUid: string
}

/** undefined when the session went away between the decision and the lock, and nothing is kept of it. */
export async function endNow(
  { deps, realm, request }: SignOutCall,
  of: { readonly sessionUid: string; readonly clientId: string | undefined; readonly hasBrowser: boolean },
): Promise<EndedNow | undefined> {
  const { sessionUid, clientId, hasBrowser } = of
  const session = await readSession(deps.store.read, sessionUid)
  const result = await signOut(deps, {
    realmId: realm.id,
    scope: { kind: 'session', sessionUid },
    kind: 'ordinary',
    cause: 'rp_initiated',
    initiator: hasBrowser ? 'user' : 'app',
    actor: { accountId: hasBrowser ? session?.accountId : undefined, clientId, ipAddress: request.ip },
    hasBrowser,
  })
  return result.ok
    ? { signOutId: result.signOutId, accountId: session?.accountId, endedSessionUid: sessionUid }
    : undefined
}
