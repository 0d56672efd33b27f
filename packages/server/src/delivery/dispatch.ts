/**
 * The story of one delivery, on one screen: claimed → prepared → tried → settled. Each step takes the type that
 * the step before it made, so none can be left out. `claim.ts` has claimed it, attempt row included, before it
 * comes here; many run side by side, so that the signing of one overlaps with the sending of the others.
 */
import type { Clock } from '../ambient/clock.ts'
import type { Gate } from '../ambient/gate.ts'
import { type Random, randomFraction } from '../ambient/random.ts'
import { CurfewError } from '../errors.ts'
import type { Channel } from '../rp/client.ts'
import type { Sender, SendOutcome } from '../sender/sender.ts'
import type {
  DeliverySettings,
  LeasedDelivery,
  PreparedDelivery,
  SettledDelivery,
  TriedDelivery,
} from './delivery.ts'
import { settle } from './settle.ts'
import type { SettlementWriter } from './settlement-writer.ts'
import { assertSound } from './sound-settlement.ts'

export interface DispatchDeps {
  readonly senders: ReadonlyMap<Channel, Sender>
  readonly clock: Clock
  readonly random: Random
  readonly gate: Gate
  readonly settings: Pick<DeliverySettings, 'leaseMs'>
  readonly writer: SettlementWriter
}

/** Carries one claimed delivery to its settlement. Never throws. `stopping` gives it back where that is still possible. */
export async function dispatchDelivery(
  deps: DispatchDeps,
  leased: LeasedDelivery,
  stopping: AbortSignal,
): Promise<void> {
  const prepared = await prepareDelivery(deps, leased, stopping)
  const tried = isTried(prepared) ? prepared : await sendDelivery(deps, prepared, stopping)
  const settled = settleDelivery(deps, tried)
  await deps.writer.write(settled)
}

/** Reads the client now and signs now (D6). An exception is our own fault and counts as a try (D17). */
async function prepareDelivery(
  deps: DispatchDeps,
  leased: LeasedDelivery,
  stopping: AbortSignal,
): Promise<PreparedDelivery | TriedDelivery> {
  const { subject } = leased
  try {
    await deps.gate('prepare.beforeSign', subject.deliveryId)
    if (stopping.aborted) return unsent(leased, { kind: 'not_sent' })
    const message = await senderFor(deps, subject.channel).prepare(subject, deps.clock.now())
    await deps.gate('prepare.afterSign', subject.deliveryId)
    if ('refused' in message) return { ...unsent(leased, message), address: message.address }
    return { leased, message }
  } catch (error) {
    return unsent(leased, { kind: 'internal', reason: 'internal.error', detail: textOf(error) })
  }
}

/** Nothing leaves in the last third of the lease: the answer would come after another worker has begun (I6). */
async function sendDelivery(
  deps: DispatchDeps,
  { leased, message }: PreparedDelivery,
  stopping: AbortSignal,
): Promise<TriedDelivery> {
  const tried = (outcome: TriedDelivery['outcome']): TriedDelivery => ({
    leased,
    address: message.address,
    evidence: message.evidence,
    outcome,
  })
  try {
    await deps.gate('send.beforeConnect', leased.subject.deliveryId)
  } catch (error) {
    return tried({ kind: 'internal', reason: 'internal.error', detail: textOf(error) })
  }
  const sendUntil = leased.leasedAt + (deps.settings.leaseMs * 2) / 3
  if (stopping.aborted || deps.clock.now() > sendUntil) return tried({ kind: 'not_sent' })
  const startedAt = deps.clock.now()
  try {
    const outcome = await message.send(stopping)
    await deps.gate('send.afterAnswer', leased.subject.deliveryId)
    return tried(outcome)
  } catch (error) {
    return tried(brokenSend(error, deps.clock.now() - startedAt))
  }
}

function settleDelivery(deps: DispatchDeps, tried: TriedDelivery): SettledDelivery {
  const settledAt = deps.clock.now()
  const fraction = randomFraction(deps.random)
  try {
    const settlement = settle(tried, fraction, settledAt)
    assertSound(tried, settlement)
    return { tried, settlement, settledAt }
  } catch (error) {
    const own = asOurFault(tried, error)
    return { tried: own, settlement: settle(own, fraction, settledAt), settledAt }
  }
}

/** A verdict that cannot be true is not stored: our own fault (D17), and the cautious memory that something may have left. */
function asOurFault(tried: TriedDelivery, error: unknown): TriedDelivery {
  const { leased } = tried
  return {
    ...tried,
    leased: { ...leased, tried: { ...leased.tried, hadConnection: true } },
    outcome: { kind: 'internal', reason: 'internal.error', detail: textOf(error) },
  }
}

function senderFor({ senders }: DispatchDeps, channel: Channel): Sender {
  const sender = senders.get(channel)
  if (!sender) throw new CurfewError('CURFEW_DELIVERY_SENDER_MISSING', `No sender for ${channel}.`)
  return sender
}

function isTried(step: PreparedDelivery | TriedDelivery): step is TriedDelivery {
  return 'outcome' in step
}

function unsent(leased: LeasedDelivery, outcome: TriedDelivery['outcome']): TriedDelivery {
  return { leased, outcome, address: leased.subject.address, evidence: undefined }
}

/** A sender reports, it does not throw; if it does, the request may have left: the cautious verdict (R11). */
function brokenSend(error: unknown, durationMs: number): SendOutcome {
  return {
    kind: 'no_answer',
    reason: 'internal.error',
    detail: textOf(error),
    hadConnection: true,
    durationMs,
  }
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500)
}
