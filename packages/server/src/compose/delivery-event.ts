/** The event of a delivery that reached its verdict (keycloak-dialect.md KE-06). */
import type { CancelledDelivery } from '../delivery/cancel.ts'
import { isTerminal, type SettledDelivery } from '../delivery/delivery.ts'
import type { EndedDelivery } from '../delivery/end-at-horizon.ts'
import type { NewEvent } from '../event/event.ts'
import type { Realm } from '../realm/realm.ts'
import { reasonOf } from '../sender/reason/reason.ts'

/** Undefined while the delivery still waits for another try. */
export function deliveryEvent(realm: Realm, { tried, settlement }: SettledDelivery): NewEvent | undefined {
  if (!isTerminal(settlement.state)) return undefined
  const { subject } = tried.leased
  const isTold = settlement.state === 'accepted'
  return {
    type: isTold ? 'LOGOUT_DELIVERY' : 'LOGOUT_DELIVERY_ERROR',
    realm,
    clientId: subject.clientId,
    accountId: undefined,
    sessionUid: subject.sessionUid,
    ipAddress: undefined,
    ...(isTold ? {} : { error: settlement.state }),
    details: {
      sign_out_id: subject.signOutId,
      delivery_id: subject.deliveryId,
      channel: subject.channel,
      attempts: String(settlement.tryCount),
      ...(settlement.reason ? { reason: settlement.reason } : {}),
    },
    ...(isTold ? {} : { explanation: explain(subject.clientId, settlement) }),
  }
}

/** The event of a delivery whose time was over (D12). */
export function endedDeliveryEvent(realm: Realm, ended: EndedDelivery): NewEvent {
  const { clientId, signOutId, deliveryId, channel, state } = ended
  return {
    type: 'LOGOUT_DELIVERY_ERROR',
    realm,
    clientId,
    accountId: undefined,
    sessionUid: undefined,
    ipAddress: undefined,
    error: state,
    details: { sign_out_id: signOutId, delivery_id: deliveryId, channel },
    explanation:
      state === 'unreachable'
        ? `${clientId} could not be reached until nobody waited for its sign-out any more; its attempts say why.`
        : `${clientId} gave no clear answer until nobody waited for its sign-out any more; its attempts say why.`,
  }
}

/** The event of a delivery that was withdrawn (D12). `reason` is what the row has: an operator's own words. */
export function cancelledDeliveryEvent(realm: Realm, cancelled: CancelledDelivery): NewEvent {
  const { clientId, signOutId, deliveryId, sessionUid, channel, tryCount, detail, reason } = cancelled
  return {
    type: 'LOGOUT_DELIVERY_ERROR',
    realm,
    clientId,
    accountId: undefined,
    sessionUid,
    ipAddress: undefined,
    error: 'cancelled',
    details: {
      sign_out_id: signOutId,
      delivery_id: deliveryId,
      channel,
      attempts: String(tryCount),
      detail,
      reason,
    },
    explanation: `${whyCancelled(cancelled)} ${tryCount === 0 ? 'It had not been tried.' : `It had been tried ${tryCount === 1 ? 'once' : `${tryCount} times`}; its attempts say what came of it.`}`,
  }
}

function whyCancelled({ clientId, detail, reason }: CancelledDelivery): string {
  switch (detail) {
    case 'operator':
      return `An administrator withdrew the sign-out for ${clientId} before it was accepted: ${reason}.`
    case 'signed_in_again':
      return `The person signed in to ${clientId} again, and this message would have ended the new session too.`
    case 'session_gone':
      return `The session at ${clientId} ended by itself before the application was told.`
  }
}

function explain(clientId: string, { state, reason, tryCount }: SettledDelivery['settlement']): string {
  const tries = tryCount === 1 ? 'one try' : `${tryCount} tries`
  const because = reason
    ? `: ${reasonOf(reason)?.title ?? reason} (${reason}; docs/reasons.md says what to do)`
    : ''
  switch (state) {
    case 'rejected':
      return `${clientId} answered ${tries} with a refusal${because}.`
    case 'unreachable':
      return `${clientId} could not be reached in ${tries}${because}.`
    case 'blocked':
      return `The address of ${clientId} may not be called${because}; the operator can allow it with --outbound-allow.`
    case 'unconfirmed':
    case 'pending':
    case 'accepted':
      return `${clientId} gave no clear answer in ${tries}${because}.`
  }
}
