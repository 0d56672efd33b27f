/** What an import did, as a value and as text for a terminal (KZ-91, experience.md §5.3). */
import { printable } from '../../ambient/printable.ts'
import { isObject, type Representation } from '../../rp/representation.ts'
import { environmentPattern } from './fill-from-environment.ts'
import type { ApplicationReport } from './judge-applications.ts'
import type { UnusedMember } from './unused-members.ts'
import type { RealmChange } from './write-context.ts'

/** `cli`: `kc.sh export`; `console`: the console's partial export; `users`: people alone; `written`: by hand or a tool. */
export type ExportKind = 'cli' | 'console' | 'users' | 'written'

export interface ImportReport {
  readonly fileName: string
  readonly realmName: string
  readonly kind: ExportKind
  readonly outcome: 'created' | 'changed' | 'unchanged'
  readonly counts: Readonly<Record<'accounts' | 'clients' | 'roles' | 'groups' | 'scopes', number>>
  readonly changes: readonly RealmChange[]
  /** What could not be used, each with the reason. */
  readonly omissions: readonly string[]
  /** What differs from Keycloak or asks for a decision. */
  readonly notices: readonly string[]
  /** Paths of masked secrets. */
  readonly maskedSecrets: readonly string[]
  /** Paths and text of `${ENV}` that the environment has no value for. */
  readonly placeholders: readonly string[]
  readonly unused: readonly UnusedMember[]
  readonly applications: readonly ApplicationReport[]
}

export function exportKind(file: Representation, hasMask: boolean): ExportKind {
  const names = Object.keys(file)
  if ('users' in file && names.every((name) => name === 'realm' || name === 'users')) return 'users'
  if (hasMask || (!('users' in file) && 'keycloakVersion' in file && !('id' in file))) return 'console'
  return 'keycloakVersion' in file ? 'cli' : 'written'
}

export function findPlaceholders(of: unknown, path = ''): readonly string[] {
  if (typeof of === 'string') {
    const found = environmentPattern.exec(of)?.[0]
    return found ? [`${path}: ${found}`] : []
  }
  if (Array.isArray(of)) return of.flatMap((item, index) => findPlaceholders(item, `${path}[${index}]`))
  if (!isObject(of)) return []
  return Object.entries(of).flatMap(([name, value]) =>
    findPlaceholders(value, path === '' ? name : `${path}.${name}`),
  )
}

/** What is not understood is named in full (KZ-90), as far as a terminal holds it; what changed can be ten thousand people. */
const listedCountMax = 500
const changesListedCountMax = 20

export function renderImportReport(report: ImportReport): string {
  const told = report.applications.filter((application) => application.isTold)
  const sections = [
    `${report.fileName}: ${kindSentence(report)}`,
    outcomeSentence(report),
    section('Changed', changeLines(report), changesListedCountMax),
    section('Could not be used', report.omissions),
    section('Secrets that are masked in the file (set new ones)', report.maskedSecrets),
    section('Without a value in the environment', report.placeholders),
    section('Different here', report.notices),
    section(
      'Kept, not used',
      report.unused.map(({ path, meaning }) => `${path}: ${meaning}`),
    ),
    report.applications.length === 0
      ? 'The realm has no applications that could be signed out.'
      : `${told.length} of ${report.applications.length} applications would be told of a sign-out.`,
    section('Cannot be told', applicationLines(report.applications, false)),
    section('Told, with a remark', applicationLines(report.applications, true)),
  ]
  return `${sections.filter((text) => text !== '').join('\n')}\n`
}

function kindSentence({ kind, counts, realmName }: ImportReport): string {
  switch (kind) {
    case 'console':
      return `an export of Keycloak's console: secrets are masked and there are no people. A whole one: kc.sh export --realm ${realmName} --file ${realmName}-realm.json`
    case 'users':
      return 'people of a realm, without its settings.'
    case 'cli':
      return counts.accounts > 0
        ? "a whole export of Keycloak's command line."
        : `an export of Keycloak's command line without people; they are in ${realmName}-users-0.json and so on.`
    case 'written':
      return 'a realm file that Keycloak did not write itself.'
  }
}

function outcomeSentence({ outcome, realmName, counts }: ImportReport): string {
  const what = `${counts.clients} clients, ${counts.accounts} accounts, ${counts.roles} roles, ${counts.groups} groups, ${counts.scopes} client scopes`
  switch (outcome) {
    case 'created':
      return `Realm "${realmName}" is new: ${what}.`
    case 'changed':
      return `Realm "${realmName}" was changed by what the file names; nothing was removed.`
    case 'unchanged':
      return `Realm "${realmName}" is unchanged: the file says nothing new.`
  }
}

function changeLines({ outcome, changes }: ImportReport): readonly string[] {
  if (outcome !== 'changed') return []
  return changes.map(({ kind, name, what, members }) =>
    what === 'created' ? `${kind} "${name}" is new` : `${kind} "${name}": ${members.join(', ')}`,
  )
}

function applicationLines(applications: readonly ApplicationReport[], isTold: boolean): readonly string[] {
  return applications
    .filter((application) => application.isTold === isTold && (application.remarks.length > 0 || !isTold))
    .map(({ clientId, name, remarks }) => {
      const title = name === clientId ? clientId : `${name} (${clientId})`
      return `${title}: ${remarks.join('; ')}`
    })
}

function section(title: string, lines: readonly string[], countMax = listedCountMax): string {
  if (lines.length === 0) return ''
  const shown = lines.slice(0, countMax).map((line) => `  - ${printable(line)}`)
  if (lines.length > countMax) shown.push(`  - and ${lines.length - countMax} more`)
  return [`${title}:`, ...shown].join('\n')
}
