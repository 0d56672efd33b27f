/** The public keys with which a client signs: written into its registration, or read from its address and kept. */
import { X509Certificate } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import type { Instant } from '../ambient/clock.ts'
import type { Client } from '../rp/client.ts'

/** Whose address is read: the operator's exceptions and the realm's trust list are its own. */
export type FetchOwner = Pick<Client, 'realmId' | 'clientId'>

/** Reads JSON from an application's address through the outbound guard; rejects when it cannot. */
export type FetchJson = (url: string, owner?: FetchOwner) => Promise<unknown>

export interface ClientKeys {
  /** `isStale` asks for a fresh look at the client's address. undefined when there are no keys to be had. */
  keysOf(client: Client, isStale: boolean, at: Instant): Promise<JWTVerifyGetKey | undefined>
}

/** Keys from an address are used this long without a fresh look. */
const keptMs = 10 * 60_000
/** A stranger's bad assertions must not turn into a flood of requests at the client's address. */
const refetchMinMs = 10_000
const clientCountMax = 1000

interface Kept {
  readonly keys: JWTVerifyGetKey | undefined
  readonly fetchedAt: Instant
}

export function createClientKeys(fetchJson: FetchJson): ClientKeys {
  const kept = new Map<string, Kept>()
  const running = new Map<string, Promise<JWTVerifyGetKey | undefined>>()

  async function keysFrom(
    url: string,
    owner: FetchOwner,
    isStale: boolean,
    at: Instant,
  ): Promise<JWTVerifyGetKey | undefined> {
    // another application may be allowed to call where this one is not
    const name = `${owner.realmId} ${owner.clientId} ${url}`
    const known = kept.get(name)
    if (known && at - known.fetchedAt < (isStale || !known.keys ? refetchMinMs : keptMs)) return known.keys
    // requests at the same moment share one question
    const asked = running.get(name) ?? fetchKeys(url, owner, name, at).finally(() => running.delete(name))
    running.set(name, asked)
    return asked
  }

  async function fetchKeys(
    url: string,
    owner: FetchOwner,
    name: string,
    at: Instant,
  ): Promise<JWTVerifyGetKey | undefined> {
    // an address that is away for a moment does not lock out a client whose keys are known
    const keys = (await fetchJson(url, owner).then(keySet, () => undefined)) ?? kept.get(name)?.keys
    kept.delete(name)
    if (kept.size >= clientCountMax) kept.delete(kept.keys().next().value as string)
    kept.set(name, { keys, fetchedAt: at })
    return keys
  }

  return {
    async keysOf(client, isStale, at) {
      const { attributes } = client
      const url = attributes['jwks.url']
      if (attributes['use.jwks.url'] === 'true' && url) return keysFrom(url, client, isStale, at)
      const text = attributes['jwks.string']
      if (attributes['use.jwks.string'] === 'true' && text) return keySet(parse(text))
      const certificate = attributes['jwt.credential.certificate']
      return certificate ? certificateKey(certificate) : undefined
    },
  }
}

function keySet(value: unknown): JWTVerifyGetKey | undefined {
  try {
    return createLocalJWKSet(value as JSONWebKeySet)
  } catch {
    return undefined
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Keycloak stores the certificate as Base64 without the PEM lines. Whatever `kid` was sent, it is the one key. */
function certificateKey(certificate: string): JWTVerifyGetKey | undefined {
  try {
    const der = Buffer.from(certificate.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    const { publicKey } = new X509Certificate(der)
    return () => Promise.resolve(publicKey)
  } catch {
    return undefined
  }
}
