/** A realm with signing keys in memory, and a receiver that keeps what was posted to it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { exportJWK, generateKeyPair, importJWK } from 'jose'
import type { RealmKey, SigningAlgorithm } from '../../src/key/key.ts'
import type { DeliverySubject } from '../../src/sender/sender.ts'

export async function someRealmKey(
  algorithm: SigningAlgorithm,
  kid: string,
  of: Partial<RealmKey> = {},
): Promise<RealmKey> {
  const options = {
    extractable: true,
    ...(algorithm === 'EdDSA' ? { crv: 'Ed25519' } : { modulusLength: 2048 }),
  }
  const pair = await generateKeyPair(algorithm, options)
  const privateJwk = await exportJWK(pair.privateKey)
  const privateKey = (await importJWK(privateJwk, algorithm)) as RealmKey['privateKey']
  return {
    kid,
    algorithm,
    status: 'active',
    priority: 100,
    usableAt: 0,
    publicJwk: { ...(await exportJWK(pair.publicKey)), kid, alg: algorithm, use: 'sig' },
    privateJwk,
    privateKey,
    publicKey: pair.publicKey,
    certificate: undefined,
    ...of,
  }
}

export function someSubject(of: Partial<DeliverySubject> = {}): DeliverySubject {
  return {
    deliveryId: 'dl_1',
    signOutId: 'so_1',
    realmId: 'realm-1',
    clientId: 'crm',
    sessionUid: 'session-1',
    sid: 'sid-at-crm',
    sub: 'sub-at-crm',
    issuer: 'https://id.example/realms/demo',
    channel: 'oidc-back-channel',
    endpointId: 'realm-1/oidc-back-channel/crm',
    address: 'https://crm.test/as-it-was',
    ...of,
  }
}

export interface ReceivedPost {
  readonly path: string
  readonly contentType: string | undefined
  readonly body: string
}

export interface Receiver {
  readonly url: string
  readonly received: readonly ReceivedPost[]
}

/** Answers every POST with `status`. */
export async function receiverFor(t: TestContext, status = 200): Promise<Receiver> {
  const received: ReceivedPost[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      received.push({ path: request.url ?? '', contentType: request.headers['content-type'], body })
      response.writeHead(status).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://crm.test:${(server.address() as AddressInfo).port}`, received }
}
