/** Bugs between the claim and the application. */
import type { Realm, Realms } from '../../../src/realm/realm.ts'
import { createOidcBackchannelSender } from '../../../src/sender/oidc-back-channel/oidc-back-channel.ts'
import type { DeliverySubject, PreparedMessage, PrepareRefusal, Sender } from '../../../src/sender/sender.ts'
import { readToken } from '../check/request-check.ts'
import { simulatedSignature } from '../keys.ts'
import type { LeavingPost } from '../network.ts'
import type { SimulatedProcess } from '../process.ts'
import type { World } from '../world.ts'
import type { Planted } from './planted.ts'

type Prepared = PreparedMessage | PrepareRefusal

function preparing(
  name: string,
  breaks: readonly string[],
  prepare: (sender: Sender, subject: DeliverySubject, at: number, world: World) => Promise<Prepared>,
): Planted {
  return {
    name,
    breaks,
    sender: (sender, world) => ({
      channel: sender.channel,
      prepare: (subject, at) => prepare(sender, subject, at, world),
    }),
  }
}

/** The product's sender with another view of the realms or of the network. */
function rebuilt(
  name: string,
  breaks: readonly string[],
  change: {
    readonly realm?: (realm: Realm) => Realm
    readonly request?: (request: LeavingPost, world: World) => LeavingPost
  },
): Planted {
  return {
    name,
    breaks,
    sender: (_, world, process) =>
      createOidcBackchannelSender({
        realms: changedRealms(process, change.realm ?? ((realm) => realm)),
        outbound: {
          post: world.network.postFrom(process, (request) => change.request?.(request, world) ?? request),
          policyFor: () => world.network.policy(),
        },
        random: world.productRandom,
        clock: process.ambient.clock,
      }),
  }
}

function changedRealms(process: SimulatedProcess, change: (realm: Realm) => Realm): Pick<Realms, 'byId'> {
  return {
    async byId(id) {
      const realm = await process.realms.byId(id)
      return realm && change(realm)
    },
  }
}

/** Keyed by world, so that one seed never sees another's messages. */
const signedEarly = new WeakMap<World, Map<string, string>>()

function firstToken(request: LeavingPost, world: World): LeavingPost {
  const known = signedEarly.get(world) ?? new Map<string, string>()
  signedEarly.set(world, known)
  const { txn } = readToken(request.body).claims
  const body = known.get(txn) ?? request.body
  known.set(txn, body)
  return { ...request, body }
}

async function answerFirst(sender: Sender, subject: DeliverySubject, at: number): Promise<Prepared> {
  const message = await sender.prepare(subject, at)
  if ('refused' in message) return message
  return {
    ...message,
    send(signal) {
      void message.send(signal)
      return Promise.resolve({ kind: 'answered', status: 200, answer: '', durationMs: 0 })
    },
  }
}

function otherSession(subject: DeliverySubject, world: World): DeliverySubject {
  for (const { sid, clientId, sessionUid } of world.members.values()) {
    if (clientId === subject.clientId && sessionUid !== subject.sessionUid) return { ...subject, sid }
  }
  return subject
}

function swapUrls(request: LeavingPost, world: World): LeavingPost {
  const clients = [...(world.realm.configurations.get(1)?.clients.values() ?? [])]
  const other = clients.find(({ url }) => url !== undefined && url !== request.url)
  return world.realm.version > 1 && other?.url !== undefined ? { ...request, url: other.url } : request
}

function firstUrl(request: LeavingPost, world: World): LeavingPost {
  const clientId = request.scope?.clientId ?? ''
  const url = world.realm.configurations.get(1)?.clients.get(clientId)?.url
  return url === undefined ? request : { ...request, url }
}

/** A message that cannot name the session: it ends newer ones too. */
function withoutSid(request: LeavingPost): LeavingPost {
  const { header, claims } = readToken(request.body)
  const { sid: _, ...rest } = claims
  const signed = [header, rest]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return { ...request, body: `logout_token=${signed}.${simulatedSignature(signed)}` }
}

/** Keycloak #40984: the algorithm of whichever client came last. */
function lastAlgorithm(realm: Realm): Realm {
  const last = [...realm.clients.values()].at(-1)?.attributes['id.token.signed.response.alg'] ?? 'RS256'
  const clients = [...realm.clients].map(([id, client]): [string, typeof client] => [
    id,
    { ...client, attributes: { ...client.attributes, 'id.token.signed.response.alg': last } },
  ])
  return { ...realm, clients: new Map(clients) }
}

export const senderPlants: readonly Planted[] = [
  preparing('accepted-before-sending', ['I4', 'I6'], answerFirst),
  rebuilt('signed-at-enqueue', ['I8'], { request: firstToken }),
  preparing('sid-of-another-session', ['I13', 'I3'], (sender, subject, at, world) =>
    sender.prepare(otherSession(subject, world), at),
  ),
  rebuilt('address-of-another-application', ['I3'], { request: swapUrls }),
  rebuilt('broad-message-late', ['I13'], { request: withoutSid }),
  rebuilt('algorithm-of-the-last-client', ['I8'], { realm: lastAlgorithm }),
  rebuilt('address-that-was-given-up', ['I8'], { request: firstUrl }),
  { name: 'key-signs-at-once', breaks: ['I8'], keyLeadMs: 0 },
  { name: 'machine-clock-is-trusted', breaks: ['I8'], trustsMachineClock: true },
]
