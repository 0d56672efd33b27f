/** `curfew serve`: the server. */
import { compose } from '../compose.ts'
import { announceSetup } from './announce-setup.ts'
import type { Command, CommandContext } from './command.ts'
import { createAmbient } from './create-ambient.ts'
import { importRealms } from './import-realms.ts'
import { readSettings } from './read-settings.ts'
import { readServerSecret } from './server-secret.ts'
import { settingsHelp } from './settings-help.ts'
import { untilStopped } from './until-stopped.ts'

export const serve: Command = {
  name: 'serve',
  summary: 'start the server',
  help: `curfew serve --dev                                      on this machine, plain http, nothing to set up
curfew serve --dev --import-realm realm-export.json     with a realm exported from Keycloak
curfew serve --url https://id.example.com --secret-file /etc/curfew/secret
curfew serve --url https://id.example.com --secret-file /etc/curfew/secret \\
             --database-url postgres://curfew@db/curfew --outbound-allow 10.0.0.0/8:443,8443

Every setting is also a variable (--database-url is CURFEW_DATABASE_URL) and a member of --config FILE
(YAML or JSON). curfew config print shows where each value came from.

${settingsHelp()}`,
  async run(context) {
    return serveUntilStopped(context)
  },
}

async function serveUntilStopped(context: CommandContext): Promise<number> {
  const loaded = readSettings(context)
  const { settings } = loaded
  const ambient = createAmbient(settings, context)
  for (const warning of loaded.warnings) ambient.log.write('warn', 'config.ignored', {}, warning)
  const stopped = untilStopped()
  await using server = await compose(settings, {
    ambient,
    secret: readServerSecret(settings, ambient.random),
    env: context.env,
  })
  await importRealms(server, settings, context)
  const { url } = await server.listen()
  context.stdout(`Curfew is ready at ${url}\n`)
  await announceSetup(server, context)
  await stopped
  await server.drain()
  return 0
}
