/** `curfew admin setup-link`: a new one-time link, which makes the one before it void. */
import { systemAmbient } from '../ambient/ambient.ts'
import { defaultUrl } from '../compose/listen.ts'
import { hasAdministrator } from '../realm/bootstrap-admin.ts'
import { issueSetupTicket } from '../realm/setup-ticket.ts'
import { transactBesideServer } from '../store/beside-server.ts'
import type { CommandContext } from './command.ts'
import { readDatabaseSettings } from './db-settings.ts'

export async function printSetupLink(context: CommandContext): Promise<number> {
  const settings = readDatabaseSettings(context)
  const { clock, random } = systemAmbient()
  const database = { dataDir: settings.data, databaseUrl: settings['database.url'] }
  const ticket = await transactBesideServer(database, async (tx) =>
    (await hasAdministrator(tx)) ? undefined : issueSetupTicket(tx, random, clock.now()),
  )
  if (ticket === undefined) {
    context.stderr('Realm master has an administrator; the setup link is only for the first one.\n')
    return 5
  }
  const url = (settings.url ?? defaultUrl(settings.host, settings.port)).replace(/\/+$/, '')
  context.stdout(`${url}/setup/${ticket}\n`)
  return 0
}
