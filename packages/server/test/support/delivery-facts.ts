/** Facts of a delivery for tests of its pure parts: sensible values, overridden where the test says so. */
import type { LeasedDelivery, TriedDelivery, TryHistory, TryOutcome } from '../../src/delivery/delivery.ts'
import type { Channel } from '../../src/rp/client.ts'
import type { SendOutcome } from '../../src/sender/sender.ts'

export const testStartAt = Date.UTC(2026, 10, 22, 10, 42, 0)
export const threeDaysMs = 72 * 3_600_000

export function tryHistory(over: Partial<TryHistory> = {}): TryHistory {
  return {
    tryCount: 1,
    refusalCount: 0,
    internalCount: 0,
    hadConnection: false,
    dueAt: testStartAt,
    horizonAt: testStartAt + threeDaysMs,
    createdAt: testStartAt,
    ...over,
  }
}

export function leasedDelivery(tried: TryHistory, channel: Channel = 'oidc-back-channel'): LeasedDelivery {
  return {
    subject: {
      deliveryId: 'dl_1',
      signOutId: 'so_1',
      realmId: 'demo',
      clientId: 'wiki',
      sessionUid: 'session-1',
      sid: 'sid-1',
      sub: 'alice',
      issuer: 'https://op.example/realms/demo',
      channel,
      endpointId: `demo/${channel}/wiki`,
      address: 'https://wiki.example/backchannel-logout',
    },
    priority: 'high',
    generation: 1,
    fence: tried.tryCount,
    tried,
    leasedAt: testStartAt,
  }
}

export function triedDelivery(
  outcome: TryOutcome,
  history: Partial<TryHistory> = {},
  channel: Channel = 'oidc-back-channel',
): TriedDelivery {
  const leased = leasedDelivery(tryHistory(history), channel)
  return {
    leased,
    outcome,
    address: leased.subject.address,
    evidence: { jti: 'jti-1', kid: 'kid-1', tokenHash: 'hash' },
  }
}

export function answered(
  status: number,
  over: Partial<Extract<SendOutcome, { kind: 'answered' }>> = {},
): SendOutcome {
  return { kind: 'answered', status, answer: '', durationMs: 12, ...over }
}

export function noAnswer(reason: string, hadConnection: boolean): SendOutcome {
  return { kind: 'no_answer', reason, detail: `library says ${reason}`, hadConnection, durationMs: 12 }
}
