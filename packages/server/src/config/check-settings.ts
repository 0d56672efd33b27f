/** What a setting must be beyond its type, and what settings must be together. All problems at once. */
import Value from 'typebox/value'
import { settingsSchema } from './schema.ts'

/** `unread`: names whose value was refused already; they are not missing. */
export function checkSettings(
  values: Readonly<Record<string, unknown>>,
  unread: ReadonlySet<string>,
): readonly string[] {
  const problems: string[] = []
  for (const error of Value.Errors(settingsSchema, values)) {
    problems.push(
      `${error.instancePath.slice(1).replaceAll('/', ' → ') || 'the settings'}: ${error.message}.`,
    )
  }
  checkUrl(values['url'], values['dev'] === true, problems)
  if (values['dev'] !== true) problems.push(...missingForProduction(values, unread))
  const databaseUrl = values['database.url']
  if (typeof databaseUrl === 'string' && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    problems.push('database.url must begin with postgres:// (for SQLite leave it out and set data).')
  }
  return problems
}

function checkUrl(url: unknown, isDev: boolean, problems: string[]): void {
  if (typeof url !== 'string') return
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    problems.push(`url is "${url}"; it must be an address such as https://id.example.com.`)
    return
  }
  if (parsed.search || parsed.hash || parsed.username || parsed.password) {
    problems.push('url must not have a query, a fragment or a user name.')
  }
  if (parsed.protocol === 'http:' && !isDev && !isLoopbackName(parsed.hostname)) {
    problems.push(
      `url is "${url}"; only https protects sign-ins. Use https, or start with --dev on this machine.`,
    )
  }
}

export function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

/** The two lines to add, exactly. */
function missingForProduction(
  values: Readonly<Record<string, unknown>>,
  unread: ReadonlySet<string>,
): readonly string[] {
  const missing: string[] = []
  if (values['url'] === undefined && !unread.has('url')) {
    missing.push(
      'The public address is not set. Add: --url https://id.example.com (or CURFEW_URL=https://id.example.com)',
    )
  }
  if (values['secret_file'] === undefined && !unread.has('secret_file')) {
    missing.push(
      'The server secret is not set. Add: --secret-file /etc/curfew/secret (or CURFEW_SECRET_FILE=/etc/curfew/secret); make the file with: openssl rand -base64 48 > /etc/curfew/secret',
    )
  }
  return missing
}
