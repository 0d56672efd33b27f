/** Rows that wait for dead applications must not slow down the claim of the others (L-10). */
import type { Bar } from '../../packages/server/test/support/figure.ts'
import { measureClaims } from '../support/claim-times.ts'
import type { DatabaseKind } from '../support/database.ts'
import { figuresOf } from '../support/figures.ts'
import { fillOutbox } from '../support/fill-outbox.ts'
import { prepareRealm } from '../support/prepared-realm.ts'
import { deadAddresses } from './dead-addresses.ts'
import type { PartOptions } from './part.ts'

interface Waiting {
  readonly title: string
  readonly count: number
  readonly bar?: Bar
}

const waitings: readonly Waiting[] = [
  { title: 'nothing waiting', count: 0 },
  { title: '100,000 waiting', count: 100_000, bar: { below: 5 } },
  { title: '1,000,000 waiting', count: 1_000_000, bar: { atMost: 20 } },
]

export async function measureClaimTimes(kind: DatabaseKind, { scale }: PartOptions): Promise<void> {
  await using realm = await prepareRealm(kind, deadAddresses)
  const { database, dataDir, clients, query } = realm
  const print = figuresOf('claims', kind)
  let filled = 0
  for (const { title, count, bar } of waitings) {
    const signOutCount = Math.ceil((count * scale - filled) / clients.length)
    const firstSignOut = filled / clients.length
    await fillOutbox({
      dataDir,
      databaseUrl: database.url,
      clients,
      signOutCount,
      firstSignOut,
      dueAt: () => Date.now(),
    })
    filled += signOutCount * clients.length
    const endpoints = await query<{ id: string }>("select id from endpoint where client_id like 'app-%'")
    const ids = endpoints.length > 0 ? endpoints.map(({ id }) => id) : ['none']
    const { claimMs, sweepMs, commitMs } = await measureClaims({ dataDir, databaseUrl: database.url }, ids)
    print(`claim p50, ${title}`, claimMs.p50, 'ms')
    print(`claim p99, ${title}`, claimMs.p99, 'ms', bar)
    print(`commit of one row p99, ${title}`, commitMs.p99, 'ms')
    print(`sweep p99, ${title}`, sweepMs.p99, 'ms')
  }
}
