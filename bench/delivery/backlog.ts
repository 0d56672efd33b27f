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
  print('resident memory, more with 100,000 waiting', after - before, 'MiB', {
    atMost: 30,
  })
}
