/** The administrator who ends sessions for the bench, with a token that is always fresh. */
import {
  type Administrator,
  signInAsAdministrator,
} from '../../packages/server/test/support/administrator.ts'
import { now } from './pace.ts'

export interface Acknowledged {
  readonly askedAt: number
  /** When the answer had come: the door is closed, and nobody need have been told. */
  readonly answeredAt: number
}

export interface BenchAdministrator {
  endSession(sessionUid: string): Promise<Acknowledged>
  endEverySession(): Promise<Acknowledged>
}

/** A token of realm `master` lives a minute. */
const tokenAgeMsMax = 40_000

export async function createAdministrator(url: string): Promise<BenchAdministrator> {
  let signedInAt = now()
  let administrator = Promise.resolve(await signInAsAdministrator(url))
  const signedIn = (): Promise<Administrator> => {
    if (now() - signedInAt > tokenAgeMsMax) {
      signedInAt = now()
      administrator = signInAsAdministrator(url)
    }
    return administrator
  }
  return {
    endSession: async (sessionUid) => timed(await signedIn(), 'delete', `test/sessions/${sessionUid}`),
    endEverySession: async () => timed(await signedIn(), 'post', 'test/logout-all'),
  }
}

async function timed(
  administrator: Administrator,
  method: 'delete' | 'post',
  path: string,
): Promise<Acknowledged> {
  const askedAt = now()
  const { status, body } = await administrator[method](path)
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`)
  return { askedAt, answeredAt: now() }
}
