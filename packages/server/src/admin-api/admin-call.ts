/** What every admin route has in hand: the parts that it may use, and who calls about which realm. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify'
import type { Account } from '../account/account.ts'
import type { PasswordPool } from '../account/password-pool.ts'
import type { Instant } from '../ambient/clock.ts'
import type { CancelledDelivery } from '../delivery/cancel.ts'
import type { AdminEvent } from '../event/record-admin-event.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import type { SignOutDeps } from '../sign-out/sign-out.ts'
import type { Tx } from '../store/store.ts'
import type { AdminRole } from './admin-role.ts'

export interface AdminDeps extends SignOutDeps {
  readonly passwords: PasswordPool
  /** Records that deliveries were withdrawn, in the transaction that does it. */
  readonly onCancelled: (
    tx: Tx,
    realm: Realm,
    cancelled: readonly CancelledDelivery[],
    at: Instant,
  ) => Promise<void>
}

/** The Fastify scope of the admin API; requests are typed by their schemas. */
export type AdminApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** Who calls, as the token and the database say now. */
export interface AdminCaller {
  /** The realm of the token: `master`, or the realm itself. */
  readonly realm: Realm
  readonly client: Client
  readonly account: Account
  readonly claims: Readonly<Record<string, unknown>>
  readonly ipAddress: string
}

/** What an authorised request is about. */
export interface AdminCall {
  readonly caller: AdminCaller
  /** The realm of the path. */
  readonly realm: Realm
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Any one of these roles opens the route; `own` routes check by themselves. Set on every admin route. */
    readonly needs?: readonly AdminRole[] | 'own'
  }
  interface FastifyRequest {
    adminCall: AdminCall | undefined
  }
}

/** The call behind an authorised request. Throws on a route that was not authorised: a mistake of ours. */
export function callOf(request: Pick<FastifyRequest, 'adminCall'>): AdminCall {
  if (!request.adminCall) throw new Error('this route was not authorised')
  return request.adminCall
}

/** The actor of what the call changes, for the sign-out's row and event. */
export function actorOf({ caller }: AdminCall) {
  return { accountId: caller.account.id, clientId: caller.client.clientId, ipAddress: caller.ipAddress }
}

/** The actor as admin events keep it: Keycloak's `authDetails`, with the client's internal id. */
export function authOf({ caller }: AdminCall): AdminEvent['auth'] {
  return {
    realmId: caller.realm.id,
    clientId: caller.client.uuid,
    accountId: caller.account.id,
    ipAddress: caller.ipAddress,
  }
}
