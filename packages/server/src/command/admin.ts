/** `curfew admin`: what an operator does for administrators. */

import { systemAmbient } from '../ambient/ambient.ts'
import { defaultUrl } from '../compose/listen.ts'
import { hasAdministrator } from '../realm/bootstrap-admin.ts'
import { issueSetupTicket } from '../realm/setup-ticket.ts'
import { transactBesideServer } from '../store/beside-server.ts'
import type { Command } from './command.ts'
import { readDatabaseSettings } from './db-settings.ts'

export const admin: Command = {
  name: 'admin',
  summary: 'print the link that makes the first administrator again',
  help: `curfew admin setup-link --dev --data DIR                 a new one-time link, valid for 30 minutes; the one
curfew admin setup-link --database-url postgres://…      before it is void. Works while the server runs.`,
  async run(context) {
    const [what, ...argv] = context.argv
    if (what !== 'setup-link') {
      context.stderr('curfew admin needs one of: setup-link.\n')
      return 2
    }
    const settings = readDatabaseSettings({ ...context, argv })
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
  },
}
