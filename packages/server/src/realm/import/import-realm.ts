/**
 * Imports a realm as Keycloak exports it.
 *
 * Invariants
 * - A file that is wrong changes nothing; every problem is named at once, with file, line and path.
 * - The same content again changes nothing. Another file for a realm that is there changes what it names and
 *   removes nobody and nothing.
 * - What is not understood is kept and listed (KZ-90).
 *
 * @see keycloak-dialect.md §19
 */
import type { Instant } from '../../ambient/clock.ts'
import type { Random } from '../../ambient/random.ts'
import type { ServerSecret } from '../../key/seal.ts'
import { objectOf, objectsOf, type Representation, textOf } from '../../rp/representation.ts'
import type { Store } from '../../store/store.ts'
import { addRealmToMaster } from '../master-realm.ts'
import { masterRealmName, withBuiltIns } from './built-in-objects.ts'
import { digestAccount, digestText, prepareCredentials } from './import-credentials.ts'
import { algorithmsOf, importKeys, keyProviderType, missingKeys, type PreparedKey } from './import-keys.ts'
import { importNotices } from './import-notices.ts'
import { exportKind, findPlaceholders, type ImportReport } from './import-report.ts'
import { type IsAddressAllowed, judgeApplications } from './judge-applications.ts'
import { type ImportFile, type ImportProblem, readExport } from './read-export.ts'
import { type AccountDraft, draftFromExport, type RealmDraft } from './realm-draft.ts'
import { maskedPaths } from './sealed-members.ts'
import { unusedMembers } from './unused-members.ts'
import { readDigests } from './write-accounts.ts'
import {
  findForeignIds,
  importDigestAttribute,
  type PreparedRealm,
  type WrittenRealm,
  writeRealm,
} from './write-realm.ts'

export interface ImportDeps {
  readonly store: Store
  readonly secret: ServerSecret
  readonly random: Random
  /** The outbound guard's view of an address, for the report. */
  readonly isAddressAllowed: IsAddressAllowed
}

export interface ImportOptions {
  /** `<realm>-users-N.json` beside the realm file. */
  readonly userFiles?: readonly ImportFile[]
  /** Does everything and rolls it back: the report says what would happen. */
  readonly isDryRun?: boolean
}

export type ImportResult =
  | { readonly ok: true; readonly realmId: string; readonly report: ImportReport }
  | { readonly ok: false; readonly problems: readonly ImportProblem[] }

/** @throws CURFEW_STORE_UNAVAILABLE */
export async function importRealm(
  deps: ImportDeps,
  file: ImportFile,
  options: ImportOptions,
  at: Instant,
): Promise<ImportResult> {
  const userFiles = options.userFiles ?? []
  const read = readExport(file, userFiles)
  if (!read.ok) return read
  const stored = await readStoredRealm(deps.store, read.realmName)
  const problems = await findProblems(deps, file, read.realm, stored)
  if (problems.length > 0) return { ok: false, problems }

  const digest = digestText(deps.secret, [file, ...userFiles].map((one) => one.text).join('\0'))
  const isKnown = stored?.digest === digest
  const { prepared, notes } = await prepare(deps, read.realm, stored, digest, at)
  const written = isKnown
    ? { realmId: stored.id, isNew: false, changes: [], omissions: [] }
    : await write(deps, prepared, options.isDryRun ?? false, at)
  return {
    ok: true,
    realmId: written.realmId,
    report: await report(deps, file, read.realm, prepared, written, notes),
  }
}

interface StoredRealm {
  readonly id: string
  readonly digest: string | undefined
}

async function readStoredRealm(store: Store, name: string): Promise<StoredRealm | undefined> {
  const row = await store.read.db
    .selectFrom('realm')
    .select(['id', 'representation'])
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (!row) return undefined
  const attributes = objectOf(JSON.parse(row.representation) as Representation, 'attributes')
  return { id: row.id, digest: textOf(attributes, importDigestAttribute) }
}

/** Problems that only the database knows. */
async function findProblems(
  deps: ImportDeps,
  file: ImportFile,
  realm: Representation,
  stored: StoredRealm | undefined,
): Promise<readonly ImportProblem[]> {
  const draft = draftFromExport(realm)
  if (!stored && exportKind(realm, false) === 'users') {
    return [
      {
        file: file.name,
        path: '',
        message: `there is no realm "${draft.name}" yet: import its realm file first, with this one`,
      },
    ]
  }
  const foreign = await findForeignIds(deps.store.read, draft)
  return foreign.map((message) => ({ file: file.name, path: '', message }))
}

/** Everything that takes time, before the transaction: keys are generated, passwords hashed. */
async function prepare(
  deps: ImportDeps,
  realm: Representation,
  stored: StoredRealm | undefined,
  digest: string,
  at: Instant,
): Promise<{ prepared: PreparedRealm; notes: readonly string[] }> {
  const file = draftFromExport(realm)
  const { keys, notes, importedIndexes } = importKeys(file)
  const marked = withoutImportedKeys(withAttributes(file, stored, digest), importedIndexes)
  const draft = stored ? marked : withBuiltIns(marked)
  const present = stored ? [...keys, ...(await readActiveKeys(deps.store, stored.id))] : keys
  const made = await missingKeys(deps.random, algorithmsOf(draft), present)
  const isUnknownHere = await digestFilter(deps, stored, draft.accounts)
  const credentialNotes: string[] = []
  const credentials = await prepareCredentials(
    deps,
    draft.accounts.filter(isUnknownHere),
    credentialNotes,
    at,
  )
  return {
    prepared: { draft, keys: [...keys, ...made], credentials },
    notes: [...notes, ...credentialNotes.sort()],
  }
}

/** SR-24: scripts of an imported realm go on working; the report names it. */
function withAttributes(draft: RealmDraft, stored: StoredRealm | undefined, digest: string): RealmDraft {
  const isOrdinary = !stored && draft.name !== masterRealmName
  const named = objectOf(draft.representation, 'attributes')
  if (stored && !('attributes' in draft.representation)) return draft
  const attributes = {
    ...(isOrdinary ? { 'curfew.password.grant': 'clients' } : {}),
    ...named,
    [importDigestAttribute]: digest,
  }
  return { ...draft, representation: { ...draft.representation, attributes } }
}

/** Keys that became rows of their own leave the representation; the others stay in it, sealed. */
function withoutImportedKeys(draft: RealmDraft, importedIndexes: readonly number[]): RealmDraft {
  if (importedIndexes.length === 0) return draft
  const components = objectOf(draft.representation, 'components')
  const kept = objectsOf(components, keyProviderType).filter((_, index) => !importedIndexes.includes(index))
  return {
    ...draft,
    representation: { ...draft.representation, components: { ...components, [keyProviderType]: kept } },
  }
}

/** Stands in for stored keys where only the algorithm counts. */
async function readActiveKeys(store: Store, realmId: string): Promise<readonly PreparedKey[]> {
  const rows = await store.read.db
    .selectFrom('realm_key')
    .select(['kid', 'algorithm', 'priority'])
    .where('realm_id', '=', realmId)
    .where('status', '=', 'active')
    .execute()
  return rows.map(({ kid, algorithm, priority }) => ({
    jwk: { kid, alg: algorithm, kty: '' },
    status: 'active',
    priority,
    certificate: undefined,
    isImported: false,
  }))
}

/** Accounts whose credentials differ from those of the last import. */
async function digestFilter(
  deps: ImportDeps,
  stored: StoredRealm | undefined,
  accounts: readonly AccountDraft[],
): Promise<(draft: AccountDraft) => boolean> {
  if (!stored) return () => true
  const digests = await readDigests(deps.store.read, stored.id, accounts)
  return (draft) => digests.get(draft.username)?.credentials !== digestAccount(deps.secret, draft).credentials
}

async function write(
  deps: ImportDeps,
  prepared: PreparedRealm,
  isDryRun: boolean,
  at: Instant,
): Promise<WrittenRealm> {
  let rehearsed: WrittenRealm | undefined
  try {
    return await deps.store.transact(async (tx) => {
      const written = await writeRealm(deps, tx, prepared, at)
      if (written.isNew) await addRealmToMaster(deps, tx, prepared.draft.name, at)
      if (isDryRun) {
        rehearsed = written
        throw new Rehearsed()
      }
      return written
    })
  } catch (error) {
    if (error instanceof Rehearsed && rehearsed) return rehearsed
    throw error
  }
}

/** Rolls a dry run back. */
class Rehearsed extends Error {}

async function report(
  deps: ImportDeps,
  file: ImportFile,
  realm: Representation,
  { draft }: PreparedRealm,
  written: WrittenRealm,
  notes: readonly string[],
): Promise<ImportReport> {
  const maskedSecrets = maskedPaths(realm)
  const isUnchanged = !written.isNew && written.changes.length === 0
  return {
    fileName: file.name,
    realmName: draft.name,
    kind: exportKind(realm, maskedSecrets.length > 0),
    outcome: written.isNew ? 'created' : isUnchanged ? 'unchanged' : 'changed',
    counts: {
      accounts: objectsOf(realm, 'users').length,
      clients: draft.clients.length,
      roles: draft.roles.length,
      groups: draft.groups.length,
      scopes: draft.scopes.length,
    },
    changes: written.changes,
    omissions: [...notes, ...written.omissions],
    notices: importNotices(realm, draft.name, written.isNew),
    maskedSecrets,
    placeholders: findPlaceholders(realm),
    unused: unusedMembers(realm),
    applications: await judgeApplications(draft, deps.isAddressAllowed),
  }
}
