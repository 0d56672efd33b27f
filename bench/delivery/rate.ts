/** Deliveries per second of one process to healthy applications (L-01). */
import type { DatabaseKind } from '../support/database.ts'
import { figuresOf } from '../support/figures.ts'
import { prepareRealm } from '../support/prepared-realm.ts'
import { startReceivers } from '../support/receivers.ts'
import { drain, unlimited } from './drain.ts'
import type { PartOptions } from './part.ts'

const applicationCount = 100
const signOutCountFull = 200
const bars = { RS256: 1000, ES256: 1800 } as const

export async function measureRate(kind: DatabaseKind, options: PartOptions): Promise<void> {
  for (const algorithm of ['RS256', 'ES256'] as const) await measureAlgorithm(kind, algorithm, options)
}

async function measureAlgorithm(
  kind: DatabaseKind,
  algorithm: keyof typeof bars,
  { scale }: PartOptions,
): Promise<void> {
  using receivers = await startReceivers(applicationCount)
  await using realm = await prepareRealm(kind, receivers.addresses, { algorithm })
  const signOutCount = Math.ceil(signOutCountFull * scale)
  const value = await drain(realm, receivers, { signOutCount, processCount: 1, flags: unlimited })
  const print = figuresOf('rate', kind)
  print(`deliveries to 100 applications, ${algorithm}`, value, '/s', { atLeast: bars[algorithm] })
}
