/**
 * `curfew db restore FILE`: puts a copy back. A session that ended after the copy was made must not come back to
 * life (R26), so every session in the copy is signed out, and every application of them is told.
 */
import { chmodSync, copyFileSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemAmbient } from '../ambient/ambient.ts'
import { toNumericDate } from '../ambient/clock.ts'
import { closeDoors } from '../sign-out/close-doors.ts'
import { insertSignOut, newSignOutId } from '../sign-out/closing.ts'
import type { SignOutCommand } from '../sign-out/sign-out-command.ts'
import { openStore, type Store } from '../store/store.ts'
import type { CommandContext } from './command.ts'
import { readDatabaseSettings, takeFile } from './db-settings.ts'

export async function restoreDatabase(context: CommandContext): Promise<number> {
  const isAfterPgRestore = context.argv.includes('--after-pg-restore')
  const argv = context.argv.filter((word) => word !== '--after-pg-restore')
  const { file, rest } = takeFile({ ...context, argv })
  const settings = readDatabaseSettings(rest)
  if (!isAfterPgRestore) {
    if (file === undefined || !existsSync(file)) {
      context.stderr(`curfew db restore needs a backup: ${file ?? 'no file'} was given.\n`)
      return 2
    }
    await putBack(file, settings.data)
  }
  await using store = await openStore(
    { dataDir: settings.data, databaseUrl: settings['database.url'] },
    systemAmbient(),
  )
  const count = await signEverybodyOut(store)
  context.stdout(
    `Restored. ${count} session(s) of the copy were signed out; their applications are told when the server starts.\n`,
  )
  return 0
}

/** Opening the store first proves that no server uses the folder; the old database is kept beside the new one. */
async function putBack(file: string, dataDir: string): Promise<void> {
  const target = join(dataDir, 'curfew.db')
  {
    await using _unused = await openStore({ dataDir }, systemAmbient())
  }
  for (const suffix of ['-wal', '-shm']) rmSync(`${target}${suffix}`, { force: true })
  renameSync(target, `${target}.before-restore`)
  copyFileSync(file, target)
  chmodSync(target, 0o600)
}

async function signEverybodyOut(store: Store): Promise<number> {
  const { clock, random } = systemAmbient()
  const realms = await store.read.db.selectFrom('realm').select('id').execute()
  let count = 0
  for (const { id: realmId } of realms) {
    const at = clock.now()
    const command: SignOutCommand = {
      realmId,
      scope: { kind: 'realm' },
      kind: 'security',
      cause: 'restored',
      initiator: 'admin',
      actor: {},
    }
    count += await store.transact(async (tx) => {
      const id = newSignOutId({ random })
      const row = {
        id,
        sessionUid: undefined,
        accountId: undefined,
        parentId: undefined,
        applicationCount: 0,
      }
      await insertSignOut(tx, command, { ...row, completedAt: undefined }, at)
      await tx.db
        .updateTable('realm')
        .set((column) => ({ not_before: toNumericDate(at), version: column('version', '+', 1) }))
        .where('id', '=', realmId)
        .execute()
      await tx.db.deleteFrom('artifact').where('realm_id', '=', realmId).execute()
      return closeDoors(tx, { signOutId: id, realmId }, at)
    })
  }
  return count
}
