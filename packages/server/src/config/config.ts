/**
 * The settings of one process: read from flags, environment, configuration file and defaults, in this order of
 * precedence; checked as a whole; refused with every problem at once.
 */
import { readFileSync } from 'node:fs'
import { parse as parseYaml } from 'yaml'
import { CurfewError } from '../errors.ts'
import { checkSettings } from './check-settings.ts'
import { coerce, type RawValue } from './coerce.ts'
import { nearestName } from './nearest-name.ts'
import { flagOf, type Settings, secretSettings, settingsSchema, variableOf } from './schema.ts'

export interface SettingSources {
  /** Flags by their name without dashes; a repeated one is a list. */
  readonly flags: Readonly<Record<string, RawValue>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Path of the configuration file (`--config`, CURFEW_CONFIG). */
  readonly configFile?: string | undefined
}

export interface LoadedSettings {
  readonly settings: Settings
  /** Where each value came from, for `config print --sources`. */
  readonly sources: Readonly<Record<string, 'flag' | 'environment' | 'file' | 'default'>>
  /** Things that are not wrong but should be known: ignored `KC_…` variables. */
  readonly warnings: readonly string[]
}

const names = Object.keys(settingsSchema.properties)

/** @throws CURFEW_CONFIG_INVALID with one line for each problem; the command ends with exit code 78 */
export function loadSettings(from: SettingSources): LoadedSettings {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  const sources: Record<string, 'flag' | 'environment' | 'file' | 'default'> = {}
  const file = from.configFile ? readConfigFile(from.configFile, problems) : {}
  // what a file would have said that cannot be read is not missing
  const unread = new Set<string>(problems.length > 0 ? names : [])
  for (const name of names) {
    const found = firstOf(name, from, file, problems)
    sources[name] = found?.source ?? 'default'
    const schema = settingsSchema.properties[name as keyof Settings] as { default?: unknown }
    const read = found && coerce(name, schema, found, problems)
    if (found && read === undefined) unread.add(name)
    const value = read ?? structuredClone(schema.default)
    if (value !== undefined) values[name] = value
  }
  refuseUnknown(from, file, problems)
  problems.push(...checkSettings(values, unread))
  if (problems.length > 0) throw new CurfewError('CURFEW_CONFIG_INVALID', problems)
  return { settings: values as Settings, sources, warnings: warningsOf(from.env) }
}

export interface FoundValue {
  readonly raw: RawValue
  readonly source: 'flag' | 'environment' | 'file'
  /** How the person wrote it, for the message. */
  readonly spelling: string
}

function firstOf(
  name: string,
  { flags, env }: SettingSources,
  file: Readonly<Record<string, RawValue>>,
  problems: string[],
): FoundValue | undefined {
  const flag = flags[flagOf(name)]
  if (flag !== undefined) return { raw: flag, source: 'flag', spelling: `--${flagOf(name)}` }
  const variable = variableOf(name)
  if (env[variable]) return { raw: env[variable], source: 'environment', spelling: variable }
  const path = env[`${variable}_FILE`]
  // secret_file itself is a path: its variable ends in _FILE without being a twin
  if (path && !names.some((other) => variableOf(other) === `${variable}_FILE`)) {
    const raw = readSecret(path, `${variable}_FILE`, problems)
    return raw === undefined ? undefined : { raw, source: 'environment', spelling: `${variable}_FILE` }
  }
  const alias = keycloakAliases[name]
  if (alias && env[alias]) return { raw: env[alias], source: 'environment', spelling: alias }
  const fromFile = file[name]
  return fromFile === undefined
    ? undefined
    : { raw: fromFile, source: 'file', spelling: `${name} in the configuration file` }
}

/** The only variables of Keycloak that are read (KZ-94). */
const keycloakAliases: Readonly<Record<string, string>> = {
  'bootstrap.admin_username': 'KC_BOOTSTRAP_ADMIN_USERNAME',
  'bootstrap.admin_password': 'KC_BOOTSTRAP_ADMIN_PASSWORD',
}

function readSecret(path: string, spelling: string, problems: string[]): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    problems.push(`${spelling}: the file ${path} cannot be read (${codeOf(error)}).`)
    return undefined
  }
}

function readConfigFile(path: string, problems: string[]): Readonly<Record<string, RawValue>> {
  try {
    const parsed: unknown = parseYaml(readFileSync(path, 'utf8'), { maxAliasCount: 0 })
    if (parsed === null || parsed === undefined) return {}
    if (typeof parsed !== 'object' || Array.isArray(parsed))
      throw new TypeError('it does not hold a list of settings')
    return flatten(parsed as Record<string, unknown>)
  } catch (error) {
    problems.push(
      `The configuration file ${path} cannot be used: ${error instanceof Error ? error.message.split('\n')[0]?.replace(/:$/, '') : error}.`,
    )
    return {}
  }
}

/** `database: {url: …}` and `database.url: …` mean the same. */
function flatten(node: Record<string, unknown>, prefix = ''): Record<string, RawValue> {
  const flat: Record<string, RawValue> = {}
  for (const [key, value] of Object.entries(node)) {
    const name = prefix + key
    const isBranch = value !== null && typeof value === 'object' && !Array.isArray(value)
    if (isBranch && !names.includes(name))
      Object.assign(flat, flatten(value as Record<string, unknown>, `${name}.`))
    else flat[name] = value as RawValue
  }
  return flat
}

function refuseUnknown(
  from: SettingSources,
  file: Readonly<Record<string, unknown>>,
  problems: string[],
): void {
  const flags = names.map(flagOf)
  for (const flag of Object.keys(from.flags)) {
    if (!flags.includes(flag)) problems.push(unknown(`--${flag}`, nearestName(flag, flags, '--')))
  }
  const variables = [
    ...names.flatMap((name) => [variableOf(name), `${variableOf(name)}_FILE`]),
    'CURFEW_CONFIG',
  ]
  for (const variable of Object.keys(from.env)) {
    if (!variable.startsWith('CURFEW_') || variable.startsWith('CURFEW_TEST_')) continue
    if (!variables.includes(variable)) problems.push(unknown(variable, nearestName(variable, variables, '')))
  }
  for (const name of Object.keys(file)) {
    if (!names.includes(name))
      problems.push(unknown(`${name} in the configuration file`, nearestName(name, names, '')))
  }
}

function unknown(spelling: string, suggestion: string | undefined): string {
  return `${spelling} is not a setting.${suggestion ? ` Did you mean ${suggestion}?` : ''}`
}

function warningsOf(env: SettingSources['env']): readonly string[] {
  const read = new Set(Object.values(keycloakAliases))
  const ignored = Object.keys(env).filter((name) => name.startsWith('KC_') && !read.has(name))
  return ignored.map((name) => {
    const ours = counterparts[name]
    const hint = ours ? `Curfew's is ${variableOf(ours)}` : "docs/configuration.md lists Curfew's"
    return `${name} is a setting of Keycloak and is ignored; ${hint}.`
  })
}

/** What a Keycloak is most often started with, and the setting that says the same here. */
const counterparts: Readonly<Record<string, keyof Settings>> = {
  KC_HOSTNAME: 'url',
  KC_HTTP_HOST: 'host',
  KC_HTTP_PORT: 'port',
  KC_HTTP_MANAGEMENT_PORT: 'management_port',
  KC_HTTP_RELATIVE_PATH: 'legacy_auth_path',
  KC_DB: 'database.url',
  KC_DB_URL: 'database.url',
  KC_DB_POOL_MAX_SIZE: 'database.connection_count_max',
  KC_PROXY_TRUSTED_ADDRESSES: 'proxy.trusted',
  KC_TRUSTSTORE_PATHS: 'trust.ca_files',
  KC_LOG_LEVEL: 'log.level',
  KC_LOG_CONSOLE_OUTPUT: 'log.format',
}

/** The settings as lines, secrets masked. */
export function describeSettings({ settings, sources }: LoadedSettings): readonly string[] {
  return names
    .filter((name) => settings[name as keyof Settings] !== undefined)
    .map((name) => {
      const shown = secretSettings.has(name) ? '********' : JSON.stringify(settings[name as keyof Settings])
      return `${name} = ${shown} (${sources[name]})`
    })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
