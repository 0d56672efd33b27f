/** Composes the server from its settings, listens, and ends when it is told to. */
import { compose } from '../compose.ts'
import type { LoadedSettings } from '../config/config.ts'
import { announceSetup } from './announce-setup.ts'
import type { CommandContext } from './command.ts'
import { createAmbient } from './create-ambient.ts'
import { importRealms } from './import-realms.ts'
import { readServerSecret } from './server-secret.ts'
import { untilStopped } from './until-stopped.ts'

export async function serveUntilStopped(loaded: LoadedSettings, context: CommandContext): Promise<number> {
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
