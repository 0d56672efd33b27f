/** Fills the outbox of a stopped server through the product's own functions: sign-outs whose deliveries fall due as asked for. */
import { systemAmbient } from '../../packages/server/src/ambient/ambient.ts'
import { openStore, type Store } from '../../packages/server/src/store/store.ts'
import { writeSignOut } from './write-sign-out.ts'

export interface OutboxFill {
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  /** Each sign-out tells all of them. */
  readonly clients: readonly { readonly clientId: string; readonly address: string }[]
  readonly signOutCount: number
  /** Number of the first one; the next fill of the same database goes on from there. */
  readonly firstSignOut?: number
  /** When the deliveries of this sign-out are due. */
  readonly dueAt: (signOut: number) => number
}

const signOutsPerTransaction = 50

export async function fillOutbox(fill: OutboxFill): Promise<void> {
  await using store = await openStore(fill, systemAmbient())
  const realm = await store.read.db
    .selectFrom('realm')
    .select('id')
    .where('name', '=', 'test')
    .executeTakeFirstOrThrow()
  for (let from = 0; from < fill.signOutCount; from += signOutsPerTransaction) {
    const count = Math.min(signOutsPerTransaction, fill.signOutCount - from)
    await writeSignOuts(
      store,
      realm.id,
      fill,
      Array.from({ length: count }, (_, index) => (fill.firstSignOut ?? 0) + from + index),
    )
  }
}

function writeSignOuts(
  store: Store,
  realmId: string,
  { clients, dueAt }: OutboxFill,
  numbers: readonly number[],
): Promise<void> {
  const at = Date.now()
  return store.transact(async (tx) => {
    for (const number of numbers) {
      const names = { id: `so_bench_${number}`, sessionUid: `bench-${number}` }
      await writeSignOut(tx, { ...names, realmId, clients, dueAt: dueAt(number) }, at)
    }
  })
}
