import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answered, leasedDelivery, testStartAt, tryHistory } from '../../test/support/delivery-facts.ts'
import { systemAmbient } from '../ambient/ambient.ts'
import type { Channel } from '../rp/client.ts'
import type { Sender, SendOutcome } from '../sender/sender.ts'
import { defaultDeliverySettings, type SettledDelivery } from './delivery.ts'
import { dispatchDelivery } from './dispatch.ts'

async function dispatchedBy(sender: Sender, now: () => number): Promise<readonly SettledDelivery[]> {
  const settled: SettledDelivery[] = []
  const deps = {
    ...systemAmbient({ clock: { now } }),
    senders: new Map<Channel, Sender>([[sender.channel, sender]]),
    settings: defaultDeliverySettings,
    writer: { write: async (one: SettledDelivery) => void settled.push(one) },
  }
  await dispatchDelivery(deps, leasedDelivery(tryHistory()), new AbortController().signal)
  return settled
}

test('D17: an answer that no verdict can be made of is our own fault, remembers that something left, and stops nothing else', async () => {
  const broken: Sender = {
    channel: 'oidc-back-channel',
    prepare: async ({ address }) => ({
      address,
      evidence: { jti: 'jti-1', kid: 'kid-1', tokenHash: 'hash' },
      send: async () => ({ ...answered(500), answer: undefined }) as unknown as SendOutcome,
    }),
  }
  const [settled] = await dispatchedBy(broken, () => testStartAt)
  assert.deepEqual(
    [settled?.settlement.state, settled?.settlement.reason, settled?.settlement.hadConnection],
    ['pending', 'internal.error', true],
  )
})
