/** Sign-outs and their deliveries as Curfew's own JSON. Instants are ISO 8601 texts, in UTC; what is not known is null. */
import type { ApplicationView, AttemptView, DeliveryView, SignOutView } from '../delivery/read-sign-out.ts'
import type { Realm } from '../realm/realm.ts'
import { applicationName } from '../rp/client.ts'

type SignOutFacts = Omit<SignOutView, 'applications' | 'isTruncated' | 'realmId'>

/** `deliveries` counts them by state, of replayed ones the last generation; an application without a channel has none. */
export function signOutWire(signOut: SignOutFacts, deliveries: Readonly<Record<string, number>> = {}) {
  return {
    id: signOut.id,
    committedAt: isoTime(signOut.committedAt),
    completedAt: isoTime(signOut.completedAt),
    scope: signOut.scope,
    kind: signOut.kind,
    cause: signOut.cause,
    initiator: signOut.initiator,
    actor: {
      userId: signOut.actor.accountId ?? null,
      clientId: signOut.actor.clientId ?? null,
      ipAddress: signOut.actor.ipAddress ?? null,
    },
    userId: signOut.accountId ?? null,
    sessionId: signOut.sessionUid ?? null,
    parentId: signOut.parentId ?? null,
    applicationCount: signOut.applicationCount,
    deliveries,
  }
}

/**
 * An application without deliveries was not told: nobody gave us an address, or it asked for the sign-out itself;
 * or `isOwed` says that they are still to be written.
 */
export function applicationWire(realm: Realm, application: ApplicationView) {
  const { clientId } = application
  return {
    clientId,
    name: applicationName(realm.clients.get(clientId), clientId),
    protocol: application.protocol ?? null,
    sessionId: application.sessionUid,
    /** When its own session ends by itself at the latest. */
    endsAt: isoTime(application.expiresAt),
    isOwed: application.isOwed,
    deliveries: application.deliveries.map(deliveryWire),
  }
}

function deliveryWire(delivery: DeliveryView) {
  return {
    id: delivery.id,
    signOutId: delivery.signOutId,
    channel: delivery.channel,
    address: delivery.address,
    generation: delivery.generation,
    state: delivery.state,
    reason: delivery.reason ?? null,
    detail: delivery.detail ?? null,
    /** Those that began, the one under way included; what was given back unsent is none. */
    tryCount: delivery.tryCount,
    createdAt: isoTime(delivery.createdAt),
    dueAt: isoTime(delivery.dueAt),
    pausedUntil: isoTime(delivery.pausedUntil),
    horizonAt: isoTime(delivery.horizonAt),
    settledAt: isoTime(delivery.settledAt),
    replay: delivery.replay ?? null,
    attempts: delivery.attempts.map(attemptWire),
  }
}

function attemptWire(attempt: AttemptView) {
  return {
    number: attempt.number,
    startedAt: isoTime(attempt.startedAt),
    finishedAt: isoTime(attempt.finishedAt),
    outcome: attempt.outcome ?? null,
    status: attempt.status ?? null,
    reason: attempt.reason ?? null,
    detail: attempt.detail ?? null,
    durationMs: attempt.durationMs ?? null,
    address: attempt.address ?? null,
    jti: attempt.jti ?? null,
    kid: attempt.kid ?? null,
    tokenHash: attempt.tokenHash ?? null,
    certificate: attempt.certificate === undefined ? null : (JSON.parse(attempt.certificate) as unknown),
    answer: attempt.answer ?? null,
  }
}

function isoTime(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString()
}
