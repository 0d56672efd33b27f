/**
 * Credentials of a user file: hashes as Keycloak stores them, plain values hashed here, second steps sealed.
 * Hashing takes time, so it happens before the transaction; an account whose credentials are those of the last
 * import is left alone, so that a password changed meanwhile stays changed.
 */
import { createHmac } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { passwordRow, sealCredential } from '../../account/credential.ts'
import {
  hashPassword,
  importedPasswordProblem,
  type KeycloakCredentialData,
  type KeycloakSecretData,
  type StoredPassword,
} from '../../account/password.ts'
import type { Instant } from '../../ambient/clock.ts'
import { randomUuid } from '../../ambient/random.ts'
import type { ServerSecret } from '../../key/seal.ts'
import {
  countOf,
  flagOf,
  isObject,
  objectOf,
  type Representation,
  textOf,
  textsMapOf,
} from '../../rp/representation.ts'
import type { CredentialTable } from '../../store/tables.ts'
import { canonicalJson } from './merge-representation.ts'
import type { AccountDraft } from './realm-draft.ts'
import type { WriteDeps } from './write-context.ts'

export interface PreparedCredentials {
  readonly rows: readonly Omit<CredentialTable, 'account_id'>[]
  /** The password must be changed at the next sign-in. */
  readonly isTemporary: boolean
}

/** What an account was at its last import; equal digests mean that the file says nothing new. */
export interface AccountDigests {
  readonly account: string
  readonly credentials: string
}

/** Keyed with the server secret: a plain password in a file must not be guessable from its digest. */
export function digestAccount(secret: ServerSecret, draft: AccountDraft): AccountDigests {
  return {
    account: digestText(secret, canonicalJson(draft.representation)),
    credentials: digestText(secret, canonicalJson(draft.credentials)),
  }
}

export function digestText(secret: ServerSecret, text: string): string {
  return createHmac('sha256', secret.derive('import-digest')).update(text).digest('base64url').slice(0, 22)
}

/** Prepares the credentials of the given accounts, by user name. `notes` hears what cannot be used. */
export async function prepareCredentials(
  deps: WriteDeps,
  drafts: readonly AccountDraft[],
  notes: string[],
  at: Instant,
): Promise<ReadonlyMap<string, PreparedCredentials>> {
  const found = new Map<string, PreparedCredentials>()
  const open = drafts.filter((draft) => draft.credentials.length > 0)
  const work = async (): Promise<void> => {
    for (let draft = open.pop(); draft; draft = open.pop()) {
      found.set(draft.username, await prepareAccount(deps, draft, notes, at))
    }
  }
  // plain passwords are hashed on all cores: 10,000 of them take a minute or two, hashes as exported take none
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return found
}

async function prepareAccount(
  deps: WriteDeps,
  draft: AccountDraft,
  notes: string[],
  at: Instant,
): Promise<PreparedCredentials> {
  const rows: Omit<CredentialTable, 'account_id'>[] = []
  for (const credential of draft.credentials) {
    const row = await prepareOne(deps, credential, at)
    if (typeof row === 'string') notes.push(`a credential of account "${draft.username}": ${row}`)
    else rows.push(row)
  }
  return { rows, isTemporary: draft.credentials.some((credential) => flagOf(credential, 'temporary', false)) }
}

async function prepareOne(
  deps: WriteDeps,
  credential: Representation,
  at: Instant,
): Promise<Omit<CredentialTable, 'account_id'> | string> {
  const type = textOf(credential, 'type') ?? 'password'
  const id = randomUuid(deps.random)
  const facts = {
    createdAt: countOf(credential, 'createdDate', at),
    priority: countOf(credential, 'priority', 10),
  }
  const label = textOf(credential, 'userLabel')
  if (type !== 'password') {
    const data = {
      ...credential,
      secretData: parsedData(credential, 'secretData'),
      credentialData: parsedData(credential, 'credentialData'),
    }
    return {
      id,
      type,
      label: label ?? null,
      data: sealCredential(deps, id, data),
      priority: facts.priority,
      created_at: facts.createdAt,
    }
  }
  const stored = await readPassword(deps, credential)
  if (typeof stored === 'string') return stored
  const { account_id: _, ...row } = passwordRow({ id, accountId: '', stored, label, at: facts.createdAt })
  return { ...row, priority: facts.priority }
}

async function readPassword(deps: WriteDeps, credential: Representation): Promise<StoredPassword | string> {
  const plain = textOf(credential, 'value')
  if (plain !== undefined && textOf(credential, 'secretData') === undefined)
    return hashPassword(deps.random, plain)
  const stored =
    textOf(credential, 'hashedSaltedValue') === undefined ? modern(credential) : legacy(credential)
  if (!stored) return 'it has neither a value nor secretData and credentialData'
  return importedPasswordProblem(stored) ?? stored
}

function modern(credential: Representation): (StoredPassword & { form: 'keycloak' }) | undefined {
  const secretData = parsedData(credential, 'secretData')
  const credentialData = parsedData(credential, 'credentialData')
  if (!secretData || !credentialData) return undefined
  return {
    form: 'keycloak',
    secretData: {
      value: textOf(secretData, 'value') ?? '',
      salt: textOf(secretData, 'salt') ?? '',
    } satisfies KeycloakSecretData,
    credentialData: {
      algorithm: textOf(credentialData, 'algorithm') ?? 'pbkdf2-sha256',
      hashIterations: countOf(credentialData, 'hashIterations', 0),
      additionalParameters: textsMapOf(credentialData, 'additionalParameters'),
    } satisfies KeycloakCredentialData,
  }
}

/** The flat fields of releases before 8 (§19.1). */
function legacy(credential: Representation): StoredPassword & { form: 'keycloak' } {
  return {
    form: 'keycloak',
    secretData: {
      value: textOf(credential, 'hashedSaltedValue') ?? '',
      salt: textOf(credential, 'salt') ?? '',
    },
    credentialData: {
      algorithm: textOf(credential, 'algorithm') ?? 'pbkdf2-sha256',
      hashIterations: countOf(credential, 'hashIterations', 0),
    },
  }
}

/** The two Data members are JSON inside a text; some tools write the object itself. */
function parsedData(credential: Representation, name: string): Representation | undefined {
  const text = textOf(credential, name)
  if (text === undefined) return isObject(credential[name]) ? objectOf(credential, name) : undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
