/**
 * Delivery under load, one part for each question; each file in `delivery/` says what it asks. Every figure stands
 * beside what must come out.
 *
 *   npm run bench -- delivery [--scale 1] [--database sqlite|postgres] [--only rate,isolation,…]
 *     [--sign-outs-per-second 20]
 */
import { parseArgs } from 'node:util'
import { measureAcknowledge } from './delivery/acknowledge.ts'
import { measureBacklog } from './delivery/backlog.ts'
import { measureBulk } from './delivery/bulk.ts'
import { measureClaimTimes } from './delivery/claims.ts'
import { measureFirstNotice } from './delivery/first-notice.ts'
import { measureFlood } from './delivery/flood.ts'
import { measureIsolation } from './delivery/isolation.ts'
import type { Part } from './delivery/part.ts'
import { measureProcesses } from './delivery/processes.ts'
import { measureRate } from './delivery/rate.ts'
import { measureRecovery } from './delivery/recovery.ts'
import { databasesOf } from './support/database.ts'

const parts: ReadonlyMap<string, Part> = new Map([
  ['rate', measureRate],
  ['acknowledge', measureAcknowledge],
  ['first-notice', measureFirstNotice],
  ['isolation', measureIsolation],
  ['processes', measureProcesses],
  ['bulk', measureBulk],
  ['recovery', measureRecovery],
  ['flood', measureFlood],
  ['backlog', measureBacklog],
  ['claims', measureClaimTimes],
])

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    database: { type: 'string' },
    only: { type: 'string', default: [...parts.keys()].join(',') },
    'sign-outs-per-second': { type: 'string', default: '20' },
  },
})
const options = { scale: Number(values.scale), signOutsPerSecond: Number(values['sign-outs-per-second']) }

for (const kind of databasesOf(values.database)) {
  for (const name of values.only.split(',')) {
    const measure = parts.get(name)
    if (!measure) throw new Error(`no part is called ${name}: ${[...parts.keys()].join(', ')}`)
    await measure(kind, options)
  }
}
