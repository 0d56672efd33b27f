/** What works in another way here than in Keycloak, or asks for a decision: part of the import report. */
import { flagOf, objectOf, objectsOf, type Representation, textOf, textsOf } from '../../rp/representation.ts'
import { isLegacyAddress, isSigningAlgorithm, readRealmSettings } from '../realm-settings.ts'
import { isBuiltInClient, masterRealmName } from './built-in-objects.ts'
import { needsSecret } from './write-clients.ts'

export function importNotices(file: Representation, realmName: string, isNew: boolean): readonly string[] {
  return [
    ...secondSteps(file),
    ...pendingActions(file),
    ...passwordGrants(file, realmName, isNew),
    ...proofKeys(file, realmName),
    ...otherAlgorithms(file),
    ...legacyAddress(file),
    ...newSecrets(file, isNew),
    ...silentAccounts(file),
  ]
}

/** The first thing to know: an account that two steps protected is protected by one. */
function secondSteps(file: Representation): readonly string[] {
  const counts = new Map<string, number>()
  for (const user of objectsOf(file, 'users')) {
    const kinds = objectsOf(user, 'credentials').map((credential) => textOf(credential, 'type') ?? 'password')
    for (const kind of new Set(kinds)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  counts.delete('password')
  return [...counts].map(
    ([kind, count]) =>
      `${accounts(count)} had a second step or another way to sign in (${kind}): it is kept, but this version asks for the password alone`,
  )
}

function pendingActions(file: Representation): readonly string[] {
  const waiting = objectsOf(file, 'users').flatMap((user) => {
    const isTemporary = objectsOf(user, 'credentials').some((one) => flagOf(one, 'temporary', false))
    const actions = new Set([
      ...textsOf(user, 'requiredActions'),
      ...(isTemporary ? ['UPDATE_PASSWORD'] : []),
    ])
    return actions.size > 0 ? [{ name: textOf(user, 'username') ?? '', actions }] : []
  })
  if (waiting.length === 0) return []
  const actions = [...new Set(waiting.flatMap((one) => [...one.actions]))].join(', ')
  return [
    `${accounts(waiting.length)} had something to do before the next sign-in (${actions}): it is kept, but this version lets them sign in without (${namesOf(waiting.map((one) => one.name))})`,
  ]
}

/** SR-24: scripts of an imported realm go on working. */
function passwordGrants(file: Representation, realmName: string, isNew: boolean): readonly string[] {
  const isDefault =
    isNew && !('curfew.password.grant' in objectOf(file, 'attributes')) && realmName !== masterRealmName
  if (!isDefault) return []
  const direct = objectsOf(file, 'clients').filter((client) => client['directAccessGrantsEnabled'] === true)
  return [
    `the password grant stays open for clients with directAccessGrantsEnabled (${clientNames(direct) || 'none'}); leave it behind with the realm attribute curfew.password.grant = off`,
  ]
}

/** SEC-04. A client whose registration says S256 is told nothing new. */
function proofKeys(file: Representation, realmName: string): readonly string[] {
  const open = objectsOf(file, 'clients').filter(
    (client) =>
      flagOf(client, 'publicClient', false) &&
      !flagOf(client, 'bearerOnly', false) &&
      flagOf(client, 'enabled', true) &&
      flagOf(client, 'standardFlowEnabled', true) &&
      !isBuiltInClient(realmName, textOf(client, 'clientId') ?? '') &&
      textOf(objectOf(client, 'attributes'), 'pkce.code.challenge.method') !== 'S256',
  )
  return open.length === 0
    ? []
    : [
        `public clients must use PKCE with S256, which Keycloak does not ask of them: see that these do (${clientNames(open)})`,
      ]
}

/** An application that expects its own algorithm alone refuses a token that is signed with another. */
function otherAlgorithms(file: Representation): readonly string[] {
  const realmDefault = textOf(file, 'defaultSignatureAlgorithm')
  const asked = [
    { who: 'the realm', algorithm: realmDefault },
    ...objectsOf(file, 'clients').flatMap((client) =>
      ['id', 'access'].map((token) => ({
        who: textOf(client, 'clientId') ?? '',
        algorithm: textOf(objectOf(client, 'attributes'), `${token}.token.signed.response.alg`),
      })),
    ),
  ]
  const unknown = asked.filter(({ algorithm }) => algorithm && !isSigningAlgorithm(algorithm))
  const lines = unknown.map(({ who, algorithm }) => `${who}: ${algorithm}`)
  if (lines.length === 0) return []
  const instead = isSigningAlgorithm(realmDefault) ? realmDefault : 'RS256'
  return [
    `tokens are signed with ${instead} instead of what is asked for (${[...new Set(lines)].join(', ')})`,
  ]
}

/** KP-42. */
function legacyAddress(file: Representation): readonly string[] {
  const { frontendUrl } = readRealmSettings(file)
  return frontendUrl !== undefined && isLegacyAddress(frontendUrl)
    ? [
        `the addresses of this realm begin with ${frontendUrl} (frontendUrl): it answers below /auth as well, without --legacy-auth-path`,
      ]
    : []
}

function newSecrets(file: Representation, isNew: boolean): readonly string[] {
  const secretless = objectsOf(file, 'clients').filter(
    (client) => needsSecret(client) && textOf(client, 'secret') === undefined,
  )
  return isNew && secretless.length > 0 ? [`new secrets were made for ${clientNames(secretless)}`] : []
}

/** Keycloak leaves an account disabled when the file does not say `enabled`. */
function silentAccounts(file: Representation): readonly string[] {
  const silent = objectsOf(file, 'users').filter((user) => user['enabled'] == null)
  if (silent.length === 0) return []
  const names = namesOf(silent.map((user) => textOf(user, 'username') ?? ''))
  return [
    `${accounts(silent.length)} ${silent.length === 1 ? 'is' : 'are'} disabled, because the file does not say enabled: true (${names})`,
  ]
}

const accounts = (count: number): string => `${count} account${count === 1 ? '' : 's'}`

/** A list for people: the first ones, and how many more. */
function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ')
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown
}

const clientNames = (clients: readonly Representation[]): string =>
  clients.map((client) => textOf(client, 'clientId')).join(', ')
