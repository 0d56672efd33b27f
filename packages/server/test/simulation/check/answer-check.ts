/** What must hold when a caller of a sign-out has its answer (I14: it is durable; I11: it names the right one). */
import { ensure, Violation } from '../violation.ts'
import { type AcknowledgedSignOut, committedRows, type World } from '../world.ts'

/** Called by a process's promise, so a violation ends the run through the scheduler. */
export function checkAcknowledged(world: World, acknowledged: AcknowledgedSignOut): void {
  try {
    check(world, acknowledged)
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    world.scheduler.fail(error)
  }
}

function check(world: World, { signOutId, sessionUid }: AcknowledgedSignOut): void {
  const signOut = committedRows(world, 'sign_out').get(signOutId)
  ensure(signOut !== undefined, 'I14', () => `${signOutId} was acknowledged and is not committed`)
  if (sessionUid === undefined) return
  const session = committedRows(world, 'session').get(sessionUid)
  ensure(
    session?.['state'] === 'ended',
    'I14',
    () => `the end of ${sessionUid} was acknowledged and it is active`,
  )
  ensure(namesSession(world, signOutId, sessionUid), 'I11', () => {
    return `${sessionUid} was ended by ${session['sign_out_id']} and its caller was told ${signOutId}`
  })
}

/** The session's own sign-out, or the one over many sessions that it is a part of. */
export function namesSession(world: World, signOutId: string, sessionUid: string): boolean {
  const session = committedRows(world, 'session').get(sessionUid)
  const own = committedRows(world, 'sign_out').get(String(session?.['sign_out_id']))
  return own?.['id'] === signOutId || (own !== undefined && own['parent_id'] === signOutId)
}
