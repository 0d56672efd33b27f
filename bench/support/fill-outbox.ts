/** Fills the outbox of a stopped server through the product's own functions: sign-outs whose deliveries fall due as asked for. */
import { systemAmbient } from '../../packages/server/src/ambient/ambient.ts'
import { enqueueDeliveries } from '../../packages/server/src/delivery/enqueue.ts'
import { openStore, type Store } from '../../packages/server/src/store/store.ts'

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

const hour = 3_600_000
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
      await tx.db
        .insertInto('sign_out')
        .values({
          id: `so_bench_${number}`,
          realm_id: realmId,
          scope: 'session',
          kind: 'ordinary',
          cause: 'rp_initiated',
          initiator: 'user',
          actor_account_id: null,
          actor_client_id: null,
          actor_ip_address: null,
          session_uid: `bench-${number}`,
          account_id: 'alice',
          parent_id: null,
          application_count: clients.length,
          committed_at: at,
          completed_at: at,
        })
        .execute()
      const deliveries = clients.map(({ clientId, address }) => ({
        signOutId: `so_bench_${number}`,
        realmId,
        sessionUid: `bench-${number}`,
        clientId,
        sid: `bench-${number}-${clientId}`,
        sub: 'alice',
        issuer: 'http://localhost/realms/test',
        channel: 'oidc-back-channel' as const,
        address,
        priority: 'high' as const,
        dueAt: dueAt(number),
        horizonAt: at + 72 * hour,
      }))
      await enqueueDeliveries(tx, systemAmbient(), deliveries, at)
    }
  })
}
