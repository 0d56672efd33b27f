/** What a hundred thousand deliveries that wait for dead applications cost a server that has nothing else to do. */
import type { DatabaseKind } from '../support/database.ts'
import { figuresOf } from '../support/figures.ts'
import { fillOutbox } from '../support/fill-outbox.ts'
import { prepareRealm } from '../support/prepared-realm.ts'
import { residentMibOf } from '../support/process-cpu.ts'
import { deadAddresses } from './dead-addresses.ts'
import type { PartOptions } from './part.ts'

const signOutCountFull = 1000
const untilIdleMs = 15_000
const bytesPerMib = 2 ** 20
const bytesPerMb = 1e6

export async function measureBacklog(kind: DatabaseKind, { scale }: PartOptions): Promise<void> {
  await using realm = await prepareRealm(kind, deadAddresses)
  const { database, dataDir, clients } = realm
  const residentOnceIdle = async (): Promise<number> => {
    await using server = await realm.start()
    await new Promise((resolve) => setTimeout(resolve, untilIdleMs))
    return residentMibOf(server.pid)
  }
  const before = await residentOnceIdle()
  const signOutCount = Math.ceil(signOutCountFull * scale)
  await fillOutbox({ dataDir, databaseUrl: database.url, clients, signOutCount, dueAt: () => Date.now() })
  const after = await residentOnceIdle()
  const print = figuresOf('backlog', kind)
  print('resident memory, nothing waiting', before, 'MiB')
  const more = ((after - before) * bytesPerMib) / bytesPerMb
  print('resident memory, more with 100,000 waiting', more, 'MB', { atMost: 30 })
}
