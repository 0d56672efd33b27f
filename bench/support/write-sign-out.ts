/** One sign-out with its deliveries, written through the product's own function, as a commit would leave it. */
import { systemAmbient } from '../../packages/server/src/ambient/ambient.ts'
import { enqueueDeliveries } from '../../packages/server/src/delivery/enqueue.ts'
import type { Tx } from '../../packages/server/src/store/store.ts'

export interface WrittenSignOut {
  readonly id: string
  readonly realmId: string
  readonly sessionUid: string
  readonly clients: readonly { readonly clientId: string; readonly address: string }[]
  readonly dueAt: number
}

const horizonMs = 72 * 3_600_000
const ambient = systemAmbient()

export async function writeSignOut(tx: Tx, signOut: WrittenSignOut, at: number): Promise<void> {
  const { id, realmId, sessionUid, clients, dueAt } = signOut
  await tx.db
    .insertInto('sign_out')
    .values({
      id,
      realm_id: realmId,
      scope: 'session',
      kind: 'ordinary',
      cause: 'rp_initiated',
      initiator: 'user',
      actor_account_id: null,
      actor_client_id: null,
      actor_ip_address: null,
      session_uid: sessionUid,
      account_id: 'alice',
      parent_id: null,
      application_count: clients.length,
      committed_at: at,
      completed_at: at,
    })
    .execute()
  const deliveries = clients.map(({ clientId, address }) => ({
    signOutId: id,
    realmId,
    sessionUid,
    clientId,
    sid: `${sessionUid}-${clientId}`,
    sub: 'alice',
    issuer: 'http://localhost/realms/test',
    channel: 'oidc-back-channel' as const,
    address,
    priority: 'high' as const,
    dueAt,
    horizonAt: at + horizonMs,
  }))
  enqueueDeliveries(tx, ambient, deliveries, at)
}
