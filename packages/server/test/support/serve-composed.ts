/** The server as `curfew serve` composes it, from this process's arguments, for a run that changes something in it. */
import { type Ambient, systemAmbient } from '../../src/ambient/ambient.ts'
import { prettyLog } from '../../src/ambient/log.ts'
import type { CommandContext } from '../../src/command/command.ts'
import { importRealms } from '../../src/command/import-realms.ts'
import { readSettings } from '../../src/command/read-settings.ts'
import { readServerSecret } from '../../src/command/server-secret.ts'
import { type ComposedServer, compose } from '../../src/compose.ts'

/** Listens, and says so on standard output. */
export async function serveComposed(overrides: Partial<Ambient> = {}): Promise<ComposedServer> {
  const context: CommandContext = {
    argv: process.argv.slice(3),
    env: process.env,
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
  }
  const { settings } = readSettings(context)
  const log = prettyLog(settings['log.level'], context.stderr)
  const ambient = systemAmbient({ log, ...overrides })
  const secret = readServerSecret(settings, ambient.random)
  const server = await compose(settings, { ambient, secret, env: context.env })
  await importRealms(server, settings, context)
  const { url } = await server.listen()
  context.stdout(`Curfew is ready at ${url}\n`)
  return server
}
