/** What the tests of the stores' contract have in common. */
import type { Store, Tx } from '../../src/store/store.ts'
import { openSimulatedStore } from '../simulation/store/simulated-database.ts'

export interface Opening {
  open(): Promise<Store>
}

/** Two works side by side; each says when it may go on, so that the order is the test's. */
export interface Step {
  readonly reached: Promise<void>
  reach(): void
}

export function step(): Step {
  let reach = (): void => undefined
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  return { reached, reach: () => reach() }
}

/** True when the promise is settled within this time: long enough for a statement, shorter than any lock's wait. */
export async function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeOver = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([promise.then(() => true), timeOver])
  } finally {
    clearTimeout(timer)
  }
}

/** SQLite's rows have no prototype. */
export function plain<T extends object>(rows: readonly T[]): readonly T[] {
  return rows.map((row) => ({ ...row }))
}

export const handle = (id: string, purpose = 'test') => ({
  id_hash: id,
  realm_id: null,
  purpose,
  payload: '{}',
  expires_at: 1,
  used_at: null,
})

export const insertHandle = (tx: Tx, id: string, purpose?: string): Promise<unknown> =>
  tx.db.insertInto('handle').values(handle(id, purpose)).execute()

export const handleIds = async (store: Store): Promise<readonly string[]> =>
  (await store.read.db.selectFrom('handle').select('id_hash').orderBy('id_hash').execute()).map(
    (row) => row.id_hash,
  )

export const newMember = {
  sessionUid: 's1',
  clientId: 'wiki',
  realmId: 'r1',
  sid: 'sid',
  protocol: 'openid-connect',
  grantId: undefined,
  sub: 'alice',
  issuer: 'http://localhost/realms/test',
  nameId: undefined,
  sessionIndex: undefined,
  startedAt: 1,
  lastActiveAt: 1,
  answeredAt: 1,
  expiresAt: 2,
}

/** One store for all tests of a block, emptied before each: a database for every test would take a second each. */
export function emptied(open: () => Promise<Store>): Opening {
  let opened: Promise<Store> | undefined
  return {
    async open() {
      opened ??= open()
      const store = await opened
      await store.transact(async (tx) => {
        for (const table of ['client_session', 'session', 'handle'] as const) {
          await tx.db.deleteFrom(table).execute()
        }
      })
      return { ...store, [Symbol.asyncDispose]: () => Promise.resolve() }
    },
  }
}

export const simulated: Opening = { open: openSimulatedStore }
