/**
 * The server as `curfew serve` composes it, with a gate that is a cliff: `CRASH_AT=signOut.afterCommit:3`
 * ends the process with kill -9 when the third comes to that gate. Production code knows nothing of it.
 */
import { type GateName, gateNames } from '../../src/ambient/gate.ts'
import { serveComposed } from '../support/serve-composed.ts'

const [name = '', count = '1'] = (process.env['CRASH_AT'] ?? '').split(':')
if (!gateNames.includes(name as GateName)) throw new TypeError(`${name} is not a gate`)
let arrivalsLeft = Number(count)

await serveComposed({
  gate(arrived) {
    if (arrived === name && --arrivalsLeft === 0) process.kill(process.pid, 'SIGKILL')
  },
})
