/** Which applications of a file would be told of a sign-out, and why the others would not (KZ-92, experience.md §5.3). */
import { type ChannelProblem, channelProblems, channelsOf } from '../../rp/channels.ts'
import type { Channel, Client } from '../../rp/client.ts'
import { applicationName } from '../../rp/client.ts'
import { clientFromRepresentation } from '../../rp/client-from-representation.ts'
import { wildcardProblem } from '../../rp/redirect-uri.ts'
import { textOf } from '../../rp/representation.ts'
import { isBuiltInClient } from './built-in-objects.ts'
import { isApplication, type RealmDraft } from './realm-draft.ts'

/** Whether the outbound guard would let a notice through; `setting` is what the operator would add to allow it. */
export type AddressJudgement =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string; readonly setting: string }
export type IsAddressAllowed = (
  url: string,
  application: { readonly realm: string; readonly clientId: string },
) => AddressJudgement | Promise<AddressJudgement>

export interface ApplicationReport {
  readonly clientId: string
  readonly name: string
  /** Channels over which it is told. */
  readonly channels: readonly Channel[]
  /** Told over at least one. */
  readonly isTold: boolean
  /** Why it is not told, or what else people should know; each a sentence. */
  readonly remarks: readonly string[]
}

/** Judges every client at which a person can be signed in, without the server's own. */
export async function judgeApplications(
  draft: RealmDraft,
  isAddressAllowed: IsAddressAllowed,
): Promise<readonly ApplicationReport[]> {
  const own = draft.clients.filter(
    (client) => isApplication(client) && !isBuiltInClient(draft.name, client.clientId),
  )
  return Promise.all(
    own.map((client) => {
      const { clientId, representation } = client
      const protocol = textOf(representation, 'protocol') ?? 'openid-connect'
      const row = {
        id: '',
        realm_id: '',
        client_id: clientId,
        protocol,
        enabled: 1,
        not_before: 0,
        deleted_at: null,
      }
      return judge(clientFromRepresentation({ row, representation, secret: undefined, baseUrl: '' }), (url) =>
        isAddressAllowed(url, { realm: draft.name, clientId }),
      )
    }),
  )
}

async function judge(
  client: Client,
  isAllowed: (url: string) => ReturnType<IsAddressAllowed>,
): Promise<ApplicationReport> {
  const remarks: string[] = []
  const channels: Channel[] = []
  for (const { channel, address } of channelsOf(client)) {
    // the browser opens the frame itself
    const judgement = channel === 'oidc-front-channel' ? { ok: true as const } : await isAllowed(address)
    if (judgement.ok) channels.push(channel)
    else
      remarks.push(`${address} would not be called: ${judgement.reason}. To allow it: ${judgement.setting}`)
  }
  remarks.push(
    ...channelProblems(client).map(problemSentence),
    ...channelRemarks(client),
    ...redirectRemarks(client),
  )
  return {
    clientId: client.clientId,
    name: applicationName(client, client.clientId),
    channels,
    isTold: channels.length > 0,
    remarks,
  }
}

const channelMembers: Readonly<Record<Channel, string>> = {
  'oidc-back-channel': 'backchannel.logout.url',
  'oidc-front-channel': 'frontchannel.logout.url',
  'keycloak-admin-url': 'adminUrl',
  saml: 'the single logout service',
  ssf: 'the stream',
}

function problemSentence(problem: ChannelProblem): string {
  const subject = `${channelMembers[problem.channel]} ${JSON.stringify(problem.value)}`
  switch (problem.reason) {
    case 'placeholder':
      return `${subject} has a placeholder, which would be filled from a request; write the address itself`
    case 'no_root_url':
      return `${subject} is relative, and the client has no rootUrl`
    case 'not_an_address':
      return `${subject} is not an address`
    case 'not_http':
      return `${subject} is not http or https`
    case 'has_user_info':
      return `${subject} has a user name in it`
    case 'has_fragment':
      return `${subject} has a fragment`
    case 'too_long':
      return `${subject} is longer than 2,048 characters`
    case 'foreign_origin':
      return `${subject} is not on the origin of a redirect URI`
  }
}

function channelRemarks(client: Client): readonly string[] {
  const { attributes } = client
  const backchannel = attributes['backchannel.logout.url']
  const frontchannel = attributes['frontchannel.logout.url']
  if (client.protocol === 'saml')
    return ['it speaks SAML; it is kept, and neither signed in nor told by this version']
  if (backchannel && client.frontchannelLogout && frontchannel) {
    return ['it has a back channel and a front channel: Keycloak uses the front channel alone, Curfew both']
  }
  if (backchannel && client.frontchannelLogout) {
    return ['its front channel is on without a URL: Keycloak would not call its back channel, Curfew does']
  }
  if (!backchannel && client.adminUrl) {
    return [
      "it is told over Keycloak's old adapter protocol (adminUrl); a backchannel.logout.url would replace it",
    ]
  }
  if (!backchannel && !frontchannel)
    return ['it has no backchannel.logout.url, no front channel and no adminUrl']
  if (!backchannel && frontchannel && !client.frontchannelLogout)
    return ['its frontchannel.logout.url is switched off (frontchannelLogout)']
  return backchannel ? [] : ['it is told through the browser alone, which cannot be confirmed']
}

const loopback = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?=[:/?#]|$)/i

function redirectRemarks(client: Client): readonly string[] {
  const values = [
    ...client.redirectUris,
    ...(client.attributes['post.logout.redirect.uris'] ?? '').split('##'),
  ]
  return [...new Set(values)].flatMap((value) => {
    // RFC 9700 §2.1: whoever is on the way reads the code; loopback has nobody on the way
    if (/^http:\/\//i.test(value) && !loopback.test(value))
      return [
        `${JSON.stringify(value)} as a redirect URI sends codes over the network in clear; give it https`,
      ]
    const problem = wildcardProblem(value)
    if (problem === 'bare_wildcard')
      return ['a bare "*" as a redirect URI is not honoured; name the addresses']
    return problem
      ? [`the wildcard of ${JSON.stringify(value)} is not honoured: it must stand behind a "/" of the path`]
      : []
  })
}
