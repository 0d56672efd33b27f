/** The realm `master` and its first administrator, before anything is answered. */
import type { PasswordPool } from '../account/password-pool.ts'
import type { Clock } from '../ambient/clock.ts'
import type { Log } from '../ambient/log.ts'
import type { Random } from '../ambient/random.ts'
import type { Settings } from '../config/schema.ts'
import { CurfewError } from '../errors.ts'
import type { ServerSecret } from '../key/seal.ts'
import { bootstrapAdmin } from '../realm/bootstrap-admin.ts'
import { ensureMasterRealm } from '../realm/master-realm.ts'
import type { Realms } from '../realm/realm.ts'
import type { Store } from '../store/store.ts'

export interface PrepareDeps {
  readonly store: Store
  readonly realms: Realms
  readonly passwords: PasswordPool
  readonly secret: ServerSecret
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** @throws CURFEW_KEY_UNSEAL_FAILED when the database was made with another server secret */
export async function prepareMaster(deps: PrepareDeps, settings: Settings): Promise<void> {
  await ensureMasterRealm(deps, deps.clock.now())
  // opens its keys: with the wrong secret nobody could sign in, so the server must not say that it is ready
  const master = await deps.realms.byName('master')
  if (!master) throw new TypeError('the realm master exists once it was ensured')
  const username = settings['bootstrap.admin_username']
  const password = settings['bootstrap.admin_password']
  if (username === undefined || password === undefined) return
  const hashed = await deps.passwords.hash(password)
  if (hashed === 'busy') throw new TypeError('nobody else hashes passwords while the server starts')
  const outcome = await deps.store.transact((tx) =>
    bootstrapAdmin(deps, tx, master, { username, password: hashed }, deps.clock.now()),
  )
  switch (outcome) {
    case 'created':
      deps.log.write(
        'info',
        'setup.admin_created',
        { username },
        `The first administrator of realm master is ${username}.`,
      )
      return
    case 'has_administrator':
      return
    case 'name_taken':
      throw new CurfewError(
        'CURFEW_CONFIG_INVALID',
        `bootstrap.admin_username: ${username} exists in realm master and is not an administrator. Choose another name.`,
      )
  }
}
