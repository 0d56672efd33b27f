/** Ends a session without a question: the request has proven that it may ask for it (SR-20). */
import { signOut } from '../sign-out/sign-out.ts'
import type { ReturnTo } from '../sign-out/trigger/decide-end-session.ts'
import { isPageCertain, writeResultTicket } from './give-result.ts'
import type { SignOutCall } from './sign-out-call.ts'

export interface EndingNow {
  readonly sessionUid: string
  /** Whose session it is, where the browser has it: a hint proves one session, not the person (SR-20). */
  readonly accountId: string | undefined
  readonly clientId: string | undefined
  readonly returnTo: ReturnTo | undefined
  readonly hasBrowser: boolean
}

export interface EndedNow {
  readonly signOutId: string
  /** For the browser, when the result page is what it gets in any case: written in the same commit. */
  readonly ticket: string | undefined
}

/** undefined when the session went away between the decision and the lock, and nothing is kept of it. */
export async function endNow(call: SignOutCall, ending: EndingNow): Promise<EndedNow | undefined> {
  const { deps, realm, request, at } = call
  const { sessionUid, accountId, clientId, returnTo, hasBrowser } = ending
  let ticket: string | undefined
  const result = await signOut(
    deps,
    {
      realmId: realm.id,
      scope: { kind: 'session', sessionUid },
      kind: 'ordinary',
      cause: 'rp_initiated',
      initiator: hasBrowser ? 'user' : 'app',
      actor: { accountId, clientId, ipAddress: request.ip },
      hasBrowser,
    },
    {
      async after(tx, closed) {
        if (!closed.ok || !isPageCertain(call, { clientId, returnTo })) return
        ticket = writeResultTicket(
          call,
          tx,
          { signOutId: closed.signOutId, accountId, clientId, returnTo },
          at,
        )
      },
    },
  )
  return result.ok ? { signOutId: result.signOutId, ticket } : undefined
}
