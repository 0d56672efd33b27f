/** Writes client scopes and clients of a draft. */
import { openGate } from '../../ambient/gate.ts'
import { randomUuid } from '../../ambient/random.ts'
import { addressChanged } from '../../delivery/address-changed.ts'
import { channelsOf } from '../../rp/channels.ts'
import { clientFromRepresentation } from '../../rp/client-from-representation.ts'
import { newClientSecret, openClientSecret, sealClientSecret } from '../../rp/client-secret.ts'
import { flagOf, type Representation, textOf, textsOf } from '../../rp/representation.ts'
import { originOf } from '../../rp/web-origins.ts'
import { insertRows } from '../../store/bulk-rows.ts'
import type { ClientTable } from '../../store/tables.ts'
import { changedMembers, mergeRepresentation } from './merge-representation.ts'
import { type ClientDraft, notBeforeOf, type ScopeDraft, secretMask } from './realm-draft.ts'
import { openMembers, sealMembers } from './sealed-members.ts'
import { changed, created, type WriteContext } from './write-context.ts'

export async function writeScopes(context: WriteContext, drafts: readonly ScopeDraft[]): Promise<void> {
  const { tx, realmId } = context
  const rows = context.isNew
    ? []
    : await tx.db.selectFrom('client_scope').selectAll().where('realm_id', '=', realmId).execute()
  const stored = new Map(rows.map((row) => [row.name, row]))
  const fresh = drafts.filter((draft) => !stored.has(draft.name))
  await insertRows(
    tx,
    'client_scope',
    fresh.map((draft) => ({
      id: draft.id ?? randomUuid(context.random),
      realm_id: realmId,
      name: draft.name,
      representation: JSON.stringify(draft.representation),
    })),
  )
  context.changes.push(...fresh.map((draft) => created('scope', draft.name)))
  for (const draft of drafts) {
    const row = stored.get(draft.name)
    if (!row) continue
    const before = JSON.parse(row.representation) as Representation
    const after = mergeRepresentation(before, draft.representation)
    const members = changedMembers(before, after)
    if (members.length === 0) continue
    await tx.db
      .updateTable('client_scope')
      .set({ representation: JSON.stringify(after) })
      .where('id', '=', row.id)
      .execute()
    context.changes.push(changed('scope', draft.name, members))
  }
}

export interface WrittenClients {
  /** The internal id of every live client of the realm by its `client_id`. */
  readonly uuids: ReadonlyMap<string, string>
  /** `client_id`s that were not there before. */
  readonly freshIds: ReadonlySet<string>
}

/** `realm` is the realm's representation: new clients that name no scopes get its default ones. */
export async function writeClients(
  context: WriteContext,
  drafts: readonly ClientDraft[],
  realm: Representation,
): Promise<WrittenClients> {
  const { tx, realmId } = context
  const rows = context.isNew
    ? []
    : await tx.db.selectFrom('client').selectAll().where('realm_id', '=', realmId).execute()
  const stored = new Map(rows.filter((row) => row.deleted_at === null).map((row) => [row.client_id, row]))
  const usedIds = new Set(rows.map((row) => row.id))
  const fresh = drafts
    .filter((draft) => !stored.has(draft.clientId))
    // the id of a removed client stays with its tombstone
    .map((draft) =>
      clientRow(
        context,
        withOrigins(withScopes(draft, realm)),
        draft.id && !usedIds.has(draft.id) ? draft.id : randomUuid(context.random),
      ),
    )
  await insertRows(tx, 'client', fresh)
  context.changes.push(...fresh.map((row) => created('client', row.client_id)))
  for (const draft of drafts) {
    const row = stored.get(draft.clientId)
    if (row) await updateClient(context, row, draft)
  }
  return {
    uuids: new Map([...stored.values(), ...fresh].map((row) => [row.client_id, row.id])),
    freshIds: new Set(fresh.map((row) => row.client_id)),
  }
}

/**
 * Keycloak gives a client that names no scopes the realm's default ones at its creation. One that names either kind
 * has said what it wants, and gets none of the other.
 */
function withScopes(client: ClientDraft, realm: Representation): ClientDraft {
  const of = client.representation
  if (textOf(of, 'protocol') === 'saml') return client
  const isNamed = of['defaultClientScopes'] != null || of['optionalClientScopes'] != null
  const scopes = isNamed
    ? {
        defaultClientScopes: textsOf(of, 'defaultClientScopes'),
        optionalClientScopes: textsOf(of, 'optionalClientScopes'),
      }
    : {
        defaultClientScopes: textsOf(realm, 'defaultDefaultClientScopes'),
        optionalClientScopes: textsOf(realm, 'defaultOptionalClientScopes'),
      }
  return { ...client, representation: { ...of, ...scopes } }
}

/** As Keycloak, a client that says nothing of `webOrigins` may be called from where it is redirected to. */
function withOrigins(client: ClientDraft): ClientDraft {
  const of = client.representation
  if (of['webOrigins'] != null || textOf(of, 'protocol') === 'saml') return client
  const webOrigins = [...new Set(textsOf(of, 'redirectUris').flatMap(originOf))]
  return { ...client, representation: { ...of, webOrigins } }
}

function clientRow(context: WriteContext, draft: ClientDraft, id: string): ClientTable {
  const of = draft.representation
  const secret = draft.secret ?? (needsSecret(of) ? newClientSecret(context.random) : undefined)
  return {
    id,
    realm_id: context.realmId,
    client_id: draft.clientId,
    protocol: textOf(of, 'protocol') ?? 'openid-connect',
    enabled: flagOf(of, 'enabled', true) ? 1 : 0,
    representation: JSON.stringify(sealMembers(context, of)),
    secret_sealed:
      secret === undefined || secret === secretMask ? null : sealClientSecret(context, id, secret),
    not_before: notBeforeOf(of),
    created_at: context.at,
    deleted_at: null,
  }
}

/** Keycloak makes a secret for a confidential client that comes without one. */
export function needsSecret(of: Representation): boolean {
  return (
    (textOf(of, 'protocol') ?? 'openid-connect') === 'openid-connect' &&
    !flagOf(of, 'publicClient', false) &&
    !flagOf(of, 'bearerOnly', false) &&
    (textOf(of, 'clientAuthenticatorType') ?? 'client-secret').startsWith('client-secret')
  )
}

async function updateClient(context: WriteContext, row: ClientTable, draft: ClientDraft): Promise<void> {
  const before = openMembers(context.secret, JSON.parse(row.representation) as Representation)
  const after = mergeRepresentation(before, draft.representation)
  const members = [...changedMembers(before, after)]
  const old =
    row.secret_sealed === null ? undefined : openClientSecret(context.secret, row.id, row.secret_sealed)
  const isNewSecret = draft.secret !== undefined && draft.secret !== secretMask && draft.secret !== old
  if (isNewSecret) members.push('secret')
  if (members.length === 0) return
  await context.tx.db
    .updateTable('client')
    .set({
      protocol: textOf(after, 'protocol') ?? row.protocol,
      enabled: flagOf(after, 'enabled', true) ? 1 : 0,
      representation: JSON.stringify(sealMembers(context, after)),
      // a not-before never goes back: tokens refused once stay refused (§14.2)
      not_before: Math.max(row.not_before, notBeforeOf(after)),
      ...(isNewSecret && draft.secret
        ? { secret_sealed: sealClientSecret(context, row.id, draft.secret) }
        : {}),
    })
    .where('id', '=', row.id)
    .execute()
  context.changes.push(changed('client', draft.clientId, members))
  if (addressesOf(row, before) !== addressesOf(row, after)) await tellAddressChanged(context, row)
}

/** Over which channels the client is told, and where. */
function addressesOf(row: ClientTable, representation: Representation): string {
  const protocol = textOf(representation, 'protocol') ?? row.protocol
  const given = { row: { ...row, protocol }, representation, secret: undefined, baseUrl: '' }
  return JSON.stringify(channelsOf(clientFromRepresentation(given)))
}

/** D13, D7: what waits goes to the new address at once, and what was blocked gets another chance. */
async function tellAddressChanged({ tx, random, at }: WriteContext, row: ClientTable): Promise<void> {
  const change = {
    realmId: row.realm_id,
    clientId: row.client_id,
    actor: 'import',
    reason: 'The address of the application was changed.',
  }
  await addressChanged(tx, { random, gate: openGate }, change, at)
}
