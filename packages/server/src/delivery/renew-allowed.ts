/**
 * Looks once, when a process has started, at what the egress policy had blocked: where the policy of now lets the
 * address in, the deliveries that are still within their horizon are tried again by themselves (D7). Later changes of
 * an address come with their own transaction (`address-changed.ts`).
 */
import type { Clock, Instant } from '../ambient/clock.ts'
import type { Gate } from '../ambient/gate.ts'
import type { Random } from '../ambient/random.ts'
import type { Channel } from '../rp/client.ts'
import type { Queryable, Store } from '../store/store.ts'
import { redeliverCountMax, renewBlocked } from './redeliver.ts'
import { isUntold } from './state-condition.ts'

export interface BlockedApplication {
  readonly realmId: string
  readonly clientId: string
  readonly channel: Channel
  /** The address at the time of the sign-out. */
  readonly address: string
}

export interface RenewAllowedDeps {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly gate: Gate
  /** Whether the policy lets this application be called at the address that it has now. */
  isAllowed(application: BlockedApplication): Promise<boolean>
}

/** Applications looked at; with more of them, those with the lowest ids. */
const applicationCountMax = 1000

const actor = 'egress policy'
const reason = 'The address may be called now.'

/** @returns how many deliveries are tried again */
export async function renewAllowed(deps: RenewAllowedDeps): Promise<number> {
  const { store, clock } = deps
  let count = 0
  for (const application of await readBlocked(store.read, clock.now())) {
    if (!(await deps.isAllowed(application))) continue
    const { realmId, clientId } = application
    for (let renewed = redeliverCountMax; renewed === redeliverCountMax; count += renewed) {
      const ids = await store.transact((tx) =>
        renewBlocked(deps, tx, { realmId, clientId, actor, reason }, clock.now()),
      )
      renewed = ids.length
    }
  }
  return count
}

async function readBlocked(on: Queryable, at: Instant): Promise<readonly BlockedApplication[]> {
  const rows = await on.db
    .selectFrom('delivery')
    .select((e) => ['realm_id', 'client_id', 'channel', e.fn.max('address').as('address')])
    .where(isUntold)
    .where('state', '=', 'blocked')
    .where('horizon_at', '>', at)
    .groupBy(['realm_id', 'client_id', 'channel'])
    .orderBy('realm_id')
    .orderBy('client_id')
    .limit(applicationCountMax)
    .execute()
  return rows.map((row) => ({
    realmId: row.realm_id,
    clientId: row.client_id,
    channel: row.channel as Channel,
    address: row.address,
  }))
}
