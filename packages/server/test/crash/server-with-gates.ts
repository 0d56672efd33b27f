/**
 * The server as `curfew serve` composes it, with a gate that is a cliff: `CRASH_AT=signOut.afterCommit:3`
 * ends the process with kill -9 when the third comes to that gate. Production code knows nothing of it.
 */
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { type GateName, gateNames } from '../../src/ambient/gate.ts'
import { prettyLog } from '../../src/ambient/log.ts'
import type { CommandContext } from '../../src/command/command.ts'
import { importRealms } from '../../src/command/import-realms.ts'
import { readSettings } from '../../src/command/read-settings.ts'
import { readServerSecret } from '../../src/command/server-secret.ts'
import { compose } from '../../src/compose.ts'

const [name = '', count = '1'] = (process.env['CRASH_AT'] ?? '').split(':')
if (!gateNames.includes(name as GateName)) throw new TypeError(`${name} is not a gate`)
let arrivalsLeft = Number(count)

const context: CommandContext = {
  argv: process.argv.slice(3),
  env: process.env,
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
}
const { settings } = readSettings(context)
const ambient = systemAmbient({
  log: prettyLog(settings['log.level'], context.stderr),
  gate(arrived) {
    if (arrived === name && --arrivalsLeft === 0) process.kill(process.pid, 'SIGKILL')
  },
})
const secret = readServerSecret(settings, ambient.random)
const server = await compose(settings, { ambient, secret, env: context.env })
await importRealms(server, settings, context)
const { url } = await server.listen()
context.stdout(`Curfew is ready at ${url}\n`)
