/**
 * Over which channels an application can be told of a sign-out.
 *
 * - Each mechanism that the application registered is a channel of its own (SR-15).
 * - Keycloak's admin URL is used only when there is no back-channel URL (keycloak-dialect.md §11.2).
 * - An address with a `${…}` placeholder is refused: it would be filled from a token request (KS-01).
 */
import type { Channel, Client } from './client.ts'
import { registeredRedirectUris } from './redirect-uri.ts'
import { originOf } from './web-origins.ts'

export interface ChannelAddress {
  readonly channel: Channel
  /** Absolute. For `keycloak-admin-url` the base, to which the sender appends `/k_logout` (KA-01). */
  readonly address: string
}

export type ChannelRegistration = Pick<
  Client,
  'protocol' | 'publicClient' | 'frontchannelLogout' | 'redirectUris' | 'rootUrl' | 'adminUrl' | 'attributes'
>

/** Why a registered address is not used. */
export type ChannelProblemReason =
  | 'placeholder'
  | 'no_root_url'
  | 'not_an_address'
  | 'not_http'
  | 'has_user_info'
  | 'has_fragment'
  | 'too_long'
  | 'foreign_origin'

export interface ChannelProblem {
  readonly channel: Channel
  /** As registered. */
  readonly value: string
  readonly reason: ChannelProblemReason
}

/** Usable channels, the one that confirms first. Empty: the application cannot be told from here. */
export function channelsOf(client: ChannelRegistration): readonly ChannelAddress[] {
  return judgeChannels(client).channels
}

/** Registered addresses that cannot be used, with the reason. */
export function channelProblems(client: ChannelRegistration): readonly ChannelProblem[] {
  return judgeChannels(client).problems
}

function judgeChannels(client: ChannelRegistration): {
  channels: readonly ChannelAddress[]
  problems: readonly ChannelProblem[]
} {
  const channels: ChannelAddress[] = []
  const problems: ChannelProblem[] = []
  for (const [channel, value] of registered(client)) {
    const judged = judgeAddress(client, channel, value)
    if ('address' in judged) channels.push({ channel, address: judged.address })
    else problems.push({ channel, value, reason: judged.reason })
  }
  return { channels, problems }
}

function registered(client: ChannelRegistration): readonly (readonly [Channel, string])[] {
  if (client.protocol !== 'openid-connect') return []
  const backchannel = client.attributes['backchannel.logout.url']
  const frontchannel = client.attributes['frontchannel.logout.url']
  const found: (readonly [Channel, string])[] = []
  if (backchannel) found.push(['oidc-back-channel', backchannel])
  else if (client.adminUrl) found.push(['keycloak-admin-url', client.adminUrl])
  // KS-04: Keycloak needs the flag and the URL
  if (client.frontchannelLogout && frontchannel) found.push(['oidc-front-channel', frontchannel])
  return found
}

const addressLengthMax = 2048

function judgeAddress(
  client: ChannelRegistration,
  channel: Channel,
  value: string,
): { address: string } | { reason: ChannelProblemReason } {
  const address = value.startsWith('/') ? client.rootUrl && client.rootUrl.replace(/\/$/, '') + value : value
  if (!address) return { reason: 'no_root_url' }
  if (address.includes('${')) return { reason: 'placeholder' }
  if (address.length > addressLengthMax) return { reason: 'too_long' }
  if (/\s/.test(address) || !URL.canParse(address)) return { reason: 'not_an_address' }
  const url = new URL(address)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { reason: 'not_http' }
  if (url.username !== '' || url.password !== '') return { reason: 'has_user_info' }
  // OpenID Connect Back-Channel Logout 1.0 §2.2: the URI has no fragment
  if (url.hash !== '') return { reason: 'has_fragment' }
  if (channel === 'oidc-front-channel' && !isOnRedirectOrigin(client, url.origin))
    return { reason: 'foreign_origin' }
  return { address: channel === 'keycloak-admin-url' ? address.replace(/\/$/, '') : address }
}

/** Front-Channel Logout 1.0 §2: scheme, host and port are those of a registered redirect URI (FCL-01). */
function isOnRedirectOrigin(client: ChannelRegistration, origin: string): boolean {
  return registeredRedirectUris(client).flatMap(originOf).includes(origin)
}
