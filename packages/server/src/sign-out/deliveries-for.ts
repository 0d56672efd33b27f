/** Who is to be told of a sign-out, over which channel, from when and until when. Pure. */
import type { Instant } from '../ambient/clock.ts'
import type { DeliveryPriority, NewDelivery } from '../delivery/delivery.ts'
import type { Realm } from '../realm/realm.ts'
import { channelsOf } from '../rp/channels.ts'
import type { Channel, Client } from '../rp/client.ts'
import { countOf } from '../rp/representation.ts'
import { adapterSessionsOf } from '../session/adapter-sessions.ts'
import type { ClientSession, Session } from '../session/session.ts'
import type { SignOutCommand } from './sign-out-command.ts'

/** Most receivers lose a logout that comes before they have stored the session (SR-19). */
const settleTimeMs = 1000
/** The value of a sign-out decays; after three days nobody waits for it (D12). */
const horizonMs = 72 * 3_600_000

/** Frames in the page of one sign-out; each costs the browser a document. Who is beyond them is not asked there. */
export const frameCountMax = 50

export interface Telling {
  readonly command: SignOutCommand
  readonly signOutId: string
  readonly session: Pick<Session, 'createdAt' | 'endsAt'>
  readonly members: readonly ClientSession[]
  readonly priority: DeliveryPriority
  /** Frames that other sessions of the same sign-out have taken, default 0: the browser loads one page for all. */
  readonly takenFrameCount?: number
}

/** I2: one delivery for each member and channel; members without a channel have none and are listed as such. */
export function deliveriesFor(realm: Realm, telling: Telling, at: Instant): readonly NewDelivery[] {
  let frameCount = telling.takenFrameCount ?? 0
  const stateOn = (channel: Channel): NonNullable<NewDelivery['initialState']> => {
    if (channel !== 'oidc-front-channel') return 'pending'
    // a hidden frame is asked once, by the person's browser, and nothing confirms it (FCL-14)
    return frameCount++ < frameCountMax ? 'unconfirmed' : 'unreachable'
  }
  return telling.members.flatMap((member) => {
    const client = realm.clients.get(member.clientId)
    if (!client) return []
    const horizonAt = at + Math.min(horizonMs, maximumLifeMs(realm, client, telling.session))
    return channelsOf(client)
      .filter(({ channel }) => canCarry(channel, member, telling.command))
      .map(({ channel, address }) => ({
        ...newDelivery(member, telling, { channel, address, horizonAt }, at),
        initialState: stateOn(channel),
      }))
  })
}

/** A channel counts only when it can carry this sign-out at all. */
function canCarry(channel: Channel, member: ClientSession, command: SignOutCommand): boolean {
  switch (channel) {
    case 'oidc-back-channel':
      return true
    case 'oidc-front-channel':
      return command.hasBrowser === true
    case 'keycloak-admin-url':
      // KA-12: without the adapter's own session id the message would name nobody, or everybody
      return adapterSessionsOf(member, member.sid).length > 0
    case 'saml':
    case 'ssf':
      return false
  }
}

/**
 * The longest that the application's part of a session can last. What was left of it does not count, nor an idle
 * time: an application keeps its own session though ours was about to end.
 */
function maximumLifeMs(
  { settings }: Realm,
  client: Client,
  { createdAt, endsAt }: Telling['session'],
): number {
  const ownSeconds =
    countOf(client.attributes, 'client.session.max.lifespan', 0) || settings.clientSessionMaxSeconds
  const sessionMs = Math.max(settleTimeMs, endsAt - createdAt)
  return ownSeconds > 0 ? Math.min(sessionMs, ownSeconds * 1000) : sessionMs
}

function newDelivery(
  member: ClientSession,
  { signOutId, priority }: Telling,
  to: { channel: Channel; address: string; horizonAt: Instant },
  at: Instant,
): NewDelivery {
  return {
    signOutId,
    realmId: member.realmId,
    sessionUid: member.sessionUid,
    clientId: member.clientId,
    sid: member.sid,
    sub: member.sub,
    issuer: member.issuer,
    channel: to.channel,
    address: to.address,
    priority,
    dueAt: Math.max(at, member.answeredAt + settleTimeMs),
    horizonAt: to.horizonAt,
  }
}
