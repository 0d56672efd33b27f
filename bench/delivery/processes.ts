/** Two processes on one PostgreSQL beside one, where the applications' answers are what takes the time. */
import type { DatabaseKind } from '../support/database.ts'
import { figuresOf } from '../support/figures.ts'
import { prepareRealm } from '../support/prepared-realm.ts'
import { startReceivers } from '../support/receivers.ts'
import { drain, unlimited } from './drain.ts'
import type { PartOptions } from './part.ts'

const applicationCount = 50
const answerMs = 100
const signOutCountFull = 60
const flags = [...unlimited, '--delivery-slot-count', '32']

export async function measureProcesses(kind: DatabaseKind, { scale }: PartOptions): Promise<void> {
  // the embedded database belongs to one process
  if (kind === 'sqlite') return
  const print = figuresOf('processes', kind)
  const rates: number[] = []
  for (const processCount of [1, 2]) {
    using receivers = await startReceivers(applicationCount, answerMs)
    await using realm = await prepareRealm(kind, receivers.addresses)
    const signOutCount = Math.ceil(signOutCountFull * scale)
    const value = await drain(realm, receivers, { signOutCount, processCount, flags })
    print(`deliveries of ${processCount}, applications take 100 ms`, value, '/s')
    rates.push(value)
  }
  const [one = 0, two = 0] = rates
  print('two beside one', two / one, '×', { atLeast: 1.5 })
}
