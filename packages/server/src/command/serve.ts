/** `curfew serve`: the server. */
import type { Command } from './command.ts'
import { readSettings } from './read-settings.ts'
import { settingsHelp } from './settings-help.ts'

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
    const loaded = readSettings(context)
    // every command's start, a health check's every few seconds too, would load the whole server
    const { serveUntilStopped } = await import('./serve-until-stopped.ts')
    return serveUntilStopped(loaded, context)
  },
}
