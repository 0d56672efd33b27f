/**
 * Client authentication of our own endpoints, by the method that the client registered: `client_secret_basic`,
 * `client_secret_post`, `private_key_jwt`, `client_secret_jwt`, and none for public clients. The engine does the same at the token
 * endpoint and does not export it.
 *
 * @see RFC 6749 §2.3.1, RFC 7523 §2.2 and §3, keycloak-dialect.md KK-05 and KK-06
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Instant } from '../ambient/clock.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import type { Store } from '../store/store.ts'
import type { ClientKeys } from './client-keys.ts'
import { type AssertionFault, isJwtBearer, verifyClientAssertion } from './verify-client-assertion.ts'

export interface ClientAuthenticationDeps {
  readonly store: Store
  readonly clientKeys: ClientKeys
}

export interface ClientCredentials {
  /** The `Authorization` header. */
  readonly authorization: string | undefined
  /** Body parameters. */
  readonly values: Readonly<Record<string, string>>
}

export type ClientMethod =
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'private_key_jwt'
  | 'client_secret_jwt'
  | 'none'

export type ClientFault =
  | { readonly reason: 'client_id_missing' }
  | { readonly reason: 'client_unknown'; readonly clientId: string }
  | { readonly reason: 'client_disabled'; readonly clientId: string }
  | { readonly reason: 'credentials_missing'; readonly clientId: string }
  | { readonly reason: 'credentials_wrong'; readonly clientId: string }
  | { readonly reason: 'credentials_differ'; readonly clientId: string }
  | { readonly reason: 'method_not_registered'; readonly clientId: string; readonly registered: string }
  | { readonly reason: 'assertion_refused'; readonly clientId: string; readonly fault: AssertionFault }

export type AuthenticatedClient =
  | { readonly ok: true; readonly client: Client; readonly method: ClientMethod }
  | { readonly ok: false; readonly fault: ClientFault; readonly usedBasic: boolean }

export async function authenticateClient(
  deps: ClientAuthenticationDeps,
  realm: Realm,
  { authorization, values }: ClientCredentials,
  at: Instant,
): Promise<AuthenticatedClient> {
  const basic = authorization === undefined ? undefined : readBasic(authorization)
  const assertion = isJwtBearer(values) ? values['client_assertion'] : undefined
  const found = findClient(realm, basic, assertion, values)
  const refuse = (fault: ClientFault): AuthenticatedClient => ({
    ok: false,
    fault,
    usedBasic: basic !== undefined,
  })
  if (!found.ok) return refuse(found.fault)
  const fault = await judgeCredentials(found.client)
  if (fault) return refuse(fault)
  return { ok: true, client: found.client, method: methodOf(found.client, basic, assertion) }

  async function judgeCredentials(client: Client): Promise<ClientFault | undefined> {
    if (client.publicClient) return undefined
    return assertion === undefined
      ? judgeSecrets(client, basic, values['client_secret'])
      : judgeAssertion(deps, realm, client, assertion, basic, values['client_secret'], at)
  }
}

function methodOf(client: Client, basic: Basic | undefined, assertion: string | undefined): ClientMethod {
  if (client.publicClient) return 'none'
  if (assertion !== undefined) {
    return client.clientAuthenticatorType === 'client-jwt' ? 'private_key_jwt' : 'client_secret_jwt'
  }
  return basic ? 'client_secret_basic' : 'client_secret_post'
}

async function judgeAssertion(
  deps: ClientAuthenticationDeps,
  realm: Realm,
  client: Client,
  assertion: string,
  basic: Basic | undefined,
  inBody: string | undefined,
  at: Instant,
): Promise<ClientFault | undefined> {
  const { clientId } = client
  if (basic || inBody !== undefined) return { reason: 'credentials_differ', clientId }
  if (!['client-jwt', 'client-secret-jwt'].includes(client.clientAuthenticatorType))
    return notRegistered(client)
  const fault = await verifyClientAssertion(deps, realm, client, assertion, at)
  return fault && { reason: 'assertion_refused', clientId, fault }
}

function judgeSecrets(
  client: Client,
  basic: Basic | undefined,
  inBody: string | undefined,
): ClientFault | undefined {
  const { clientId } = client
  if (!basic && inBody === undefined) return { reason: 'credentials_missing', clientId }
  if (client.clientAuthenticatorType !== 'client-secret') return notRegistered(client)
  const isBasicRight = !basic || basic.secrets.some((secret) => isSecret(client, secret))
  const isBodyRight = inBody === undefined || isSecret(client, inBody)
  if (isBasicRight && isBodyRight) return undefined
  return {
    reason: isBasicRight !== isBodyRight && basic && inBody ? 'credentials_differ' : 'credentials_wrong',
    clientId,
  }
}

function notRegistered(client: Client): ClientFault {
  const { clientId, clientAuthenticatorType: registered } = client
  return { reason: 'method_not_registered', clientId, registered }
}

/** A pair as it stands and form-decoded: clients do either (KK-06). */
interface Basic {
  readonly ids: readonly string[]
  readonly secrets: readonly string[]
}

/** Undefined for another scheme. A value that cannot be read gives a pair that matches nothing. */
function readBasic(authorization: string): Basic | undefined {
  const [, encoded] = /^basic +([\w+/=-]+) *$/i.exec(authorization) ?? []
  if (encoded === undefined) return undefined
  const pair = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon < 0) return { ids: [], secrets: [] }
  return { ids: spellings(pair.slice(0, colon)), secrets: spellings(pair.slice(colon + 1)) }
}

function spellings(value: string): readonly string[] {
  try {
    const decoded = decodeURIComponent(value.replaceAll('+', ' '))
    return decoded === value ? [value] : [value, decoded]
  } catch {
    return [value]
  }
}

type FoundClient =
  | { readonly ok: true; readonly client: Client; readonly clientId: string }
  | { readonly ok: false; readonly fault: ClientFault }

/** The client that header, assertion and body name; they must agree (KK-05). */
function findClient(
  realm: Realm,
  basic: Basic | undefined,
  assertion: string | undefined,
  values: ClientCredentials['values'],
): FoundClient {
  const inBody = values['client_id']
  const asserted = assertion === undefined ? undefined : assertedClientId(assertion)
  const basicId = basic?.ids.find((id) => realm.clients.has(id)) ?? basic?.ids[0]
  const clientId = basicId ?? asserted ?? inBody
  if (clientId === undefined) return { ok: false, fault: { reason: 'client_id_missing' } }
  if (inBody !== undefined && inBody !== clientId) {
    return { ok: false, fault: { reason: 'credentials_differ', clientId } }
  }
  const client = realm.clients.get(clientId)
  if (!client || client.isDeleted || client.protocol !== 'openid-connect') {
    return { ok: false, fault: { reason: 'client_unknown', clientId } }
  }
  return client.enabled
    ? { ok: true, client, clientId }
    : { ok: false, fault: { reason: 'client_disabled', clientId } }
}

/** `sub` of the assertion, unproven: it only says whose keys to try. */
function assertedClientId(assertion: string): string | undefined {
  try {
    const payload = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof payload?.sub === 'string' ? payload.sub : undefined
  } catch {
    return undefined
  }
}

/** Hashes are compared, so neither length nor content shows in the time it takes. */
function isSecret(client: Client, given: string): boolean {
  if (client.secret === undefined || client.secret === '') return false
  return timingSafeEqual(sha256(client.secret), sha256(given))
}

function sha256(value: string): Buffer {
  return createHash('sha256').update(value).digest()
}
