/** What most parts of the delivery bench work on: applications, a filled realm, a server on it, and its administrator. */
import { type BenchAdministrator, createAdministrator } from './administrator.ts'
import type { DatabaseKind } from './database.ts'
import { type PreparedRealm, prepareRealm, type RealmOptions } from './prepared-realm.ts'
import { type Behaviour, type Receivers, startPlanned } from './receivers.ts'
import type { RunningServer } from './spawn-server.ts'

export interface Stage extends AsyncDisposable {
  readonly receivers: Receivers
  readonly realm: PreparedRealm
  readonly server: RunningServer
  readonly administrator: BenchAdministrator
}

export interface StageOptions extends RealmOptions {
  /** One application each. */
  readonly behaviours: readonly Behaviour[]
  /** All behind one host and port, as behind a gateway; default false. */
  readonly isOneOrigin?: boolean
  /** Writes sessions, and what else is to be there when the server starts. */
  readonly fill: (realm: PreparedRealm) => Promise<void>
  /** Of the server. */
  readonly flags?: readonly string[]
}

/** Disposed in the opposite order. */
export async function openStage(kind: DatabaseKind, options: StageOptions): Promise<Stage> {
  const { behaviours, isOneOrigin = false, fill, flags } = options
  await using opening = new AsyncDisposableStack()
  const receivers = opening.use(await startPlanned({ behaviours, isOneOrigin, notesSids: true }))
  const realm = opening.use(await prepareRealm(kind, receivers.addresses, options))
  await fill(realm)
  const server = opening.use(await realm.start(flags))
  const administrator = await createAdministrator(server.url)
  const opened = opening.move()
  return { receivers, realm, server, administrator, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
