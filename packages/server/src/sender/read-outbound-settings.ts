/** Turns the operator's settings `outbound.*` and `trust.*` into what `outbound-http.ts` works with; all problems at once. */
import { readFileSync } from 'node:fs'
import { CurfewError } from '../errors.ts'
import { type ProxySettings, proxyExceptions, proxyFromEnvironment } from './outbound/proxy.ts'
import type { ApplicationOutbound, OutboundSettings } from './outbound-http.ts'
import { type AllowEntry, defaultOutboundPorts, parseOutboundAllow } from './outbound-policy.ts'

/** The members of `Settings` that concern outbound calls (config/schema.ts). */
export interface OutboundSettingValues {
  readonly dev: boolean
  readonly 'outbound.allow': readonly string[]
  readonly 'outbound.allow_link_local': boolean
  readonly 'outbound.applications': Readonly<Record<string, ApplicationValues>>
  readonly 'outbound.proxy'?: string | undefined
  readonly 'trust.ca_files': readonly string[]
  readonly 'trust.crl_files': readonly string[]
  readonly 'trust.use_system_ca': boolean
  readonly 'trust.allow_partial_chain': boolean
}

interface ApplicationValues {
  readonly allow_private_network?: readonly string[]
  readonly allow_plain_http?: boolean
  readonly tls_server_name?: string
  readonly ca_files?: readonly string[]
  readonly client_certificate_file?: string
  readonly client_key_file?: string
}

/** @throws CURFEW_CONFIG_INVALID with every entry and file that cannot be used */
export function readOutboundSettings(
  values: OutboundSettingValues,
  publicUrl: URL,
  env: Readonly<Record<string, string | undefined>>,
): OutboundSettings {
  const problems: string[] = []
  const proxyUrl = values['outbound.proxy']
  const settings: OutboundSettings = {
    allow: readAllow('outbound.allow', values['outbound.allow'], problems),
    ports: defaultOutboundPorts,
    allowLinkLocal: values['outbound.allow_link_local'],
    isDev: values.dev,
    ownUrl: publicUrl,
    trust: {
      caPem: readPem('trust.ca_files', values['trust.ca_files'], problems),
      crlPem: readPem('trust.crl_files', values['trust.crl_files'], problems),
      useSystemCa: values['trust.use_system_ca'],
      allowPartialChain: values['trust.allow_partial_chain'],
    },
    proxy: proxyUrl === undefined ? proxyFromEnvironment(env) : readProxy(proxyUrl, env, problems),
    applications: new Map(
      Object.entries(values['outbound.applications']).map(([name, one]) => [
        name,
        readApplication(name, one, problems),
      ]),
    ),
  }
  if (problems.length > 0) throw new CurfewError('CURFEW_CONFIG_INVALID', problems)
  return settings
}

function readAllow(name: string, texts: readonly string[], problems: string[]): readonly AllowEntry[] {
  return texts.flatMap((text) => {
    const read = parseOutboundAllow(text)
    if (read.ok) return [read.entry]
    problems.push(`${name}: ${read.problem}`)
    return []
  })
}

function readPem(name: string, paths: readonly string[], problems: string[]): readonly string[] {
  return paths.flatMap((path) => {
    try {
      return [readFileSync(path, 'utf8')]
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      problems.push(`${name}: ${path} cannot be read (${code}).`)
      return []
    }
  })
}

function readProxy(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): ProxySettings | undefined {
  const parsed = URL.parse(url)
  if (parsed && /^https?:$/.test(parsed.protocol)) {
    return { http: parsed, https: parsed, exceptions: proxyExceptions(env), allowProxyToResolve: false }
  }
  problems.push(`outbound.proxy is "${url}"; it must be an address such as http://proxy.example.com:3128.`)
  return undefined
}

function readApplication(name: string, values: ApplicationValues, problems: string[]): ApplicationOutbound {
  const setting = (member: string): string => `outbound.applications.${name}.${member}`
  const { client_certificate_file: certificate, client_key_file: key } = values
  const pem = readPem(setting('ca_files'), values.ca_files ?? [], problems)
  const [certificatePem] = certificate
    ? readPem(setting('client_certificate_file'), [certificate], problems)
    : []
  const [keyPem] = key ? readPem(setting('client_key_file'), [key], problems) : []
  if ((certificate === undefined) !== (key === undefined)) {
    problems.push(`${setting('client_certificate_file')} and client_key_file are set together or not at all.`)
  }
  return {
    allow: readAllow(setting('allow_private_network'), values.allow_private_network ?? [], problems),
    ...(values.allow_plain_http === undefined ? {} : { allowPlainHttp: values.allow_plain_http }),
    trust: pem.map((text) => ({ pem: text, until: Number.MAX_SAFE_INTEGER })),
    ...(values.tls_server_name === undefined ? {} : { serverName: values.tls_server_name }),
    ...(certificatePem && keyPem ? { clientCertificate: { certificatePem, keyPem } } : {}),
  }
}
