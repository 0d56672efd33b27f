/** Sign-outs and their deliveries as Curfew's own JSON. Instants are ISO 8601 texts, in UTC. */
import type { Realm } from '../realm/realm.ts'
import { applicationName } from '../rp/client.ts'
import type { DeliveryEvidence } from './find-sign-out.ts'
import type { SignOutRow } from './list-sign-outs.ts'

export function signOutWire(row: SignOutRow, deliveries: Readonly<Record<string, number>> = {}) {
  return {
    id: row.id,
    committedAt: isoTime(row.committed_at),
    completedAt: isoTimeOrNull(row.completed_at),
    scope: row.scope,
    kind: row.kind,
    cause: row.cause,
    initiator: row.initiator,
    actor: {
      userId: row.actor_account_id,
      clientId: row.actor_client_id,
      ipAddress: row.actor_ip_address,
    },
    userId: row.account_id,
    sessionId: row.session_uid,
    parentId: row.parent_id,
    applicationCount: row.application_count,
    /** Deliveries by state; an application without a channel has none. */
    deliveries,
  }
}

export function deliveryWire(realm: Realm, delivery: DeliveryEvidence) {
  const { client_id } = delivery
  return {
    id: delivery.id,
    clientId: client_id,
    application: applicationName(realm.clients.get(client_id), client_id),
    channel: delivery.channel,
    address: delivery.address,
    generation: delivery.generation,
    state: delivery.state,
    reason: delivery.reason,
    detail: delivery.detail,
    dueAt: isoTime(delivery.due_at),
    horizonAt: isoTime(delivery.horizon_at),
    settledAt: isoTimeOrNull(delivery.settled_at),
    replay:
      delivery.replay_actor === null
        ? null
        : { actor: delivery.replay_actor, reason: delivery.replay_reason },
    attempts: delivery.attempts.map((attempt) => ({
      number: attempt.number,
      startedAt: isoTime(attempt.started_at),
      finishedAt: isoTimeOrNull(attempt.finished_at),
      outcome: attempt.outcome,
      status: attempt.status,
      reason: attempt.reason,
      detail: attempt.detail,
      durationMs: attempt.duration_ms,
      address: attempt.address,
      jti: attempt.jti,
      kid: attempt.kid,
      certificate: attempt.certificate === null ? null : (JSON.parse(attempt.certificate) as unknown),
      answer: attempt.answer,
    })),
  }
}

export function untoldWire(
  realm: Realm,
  { client_id, expires_at }: { client_id: string; expires_at: number },
) {
  return {
    clientId: client_id,
    application: applicationName(realm.clients.get(client_id), client_id),
    reason: 'config.no_channel',
    /** When its session there ends by itself. */
    endsAt: isoTime(expires_at),
  }
}

function isoTime(at: number): string {
  return new Date(at).toISOString()
}

function isoTimeOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at)
}
