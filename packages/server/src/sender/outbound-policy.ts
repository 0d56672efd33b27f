/**
 * What the operator allows the server to call. Settings come from flags, environment and file alone; nothing
 * in a realm or a client registration can widen them (security.md, outbound guard).
 *
 * Terms
 * - allow entry: `CIDR[:PORTS]` or `host[:PORTS]`. It lets in private addresses, its own ports and plain http.
 * - scope: the application for which a call is made, `<realm>/<clientId>`.
 */
import { type Cidr, contains, type IpAddress, parseCidr, parseHostAsIp } from './ip-address.ts'

/** Called without any entry: https, and the port that application servers use for it. */
export const defaultOutboundPorts: readonly number[] = [443, 8443]

/** Never called, whatever the settings say: a POST to these services is an attack on them (security.md). */
export const forbiddenOutboundPorts: ReadonlySet<number> = new Set([
  22, 25, 53, 110, 143, 445, 3306, 5432, 6379, 9200, 11211,
])

export type AllowedPorts = 'default' | 'any' | readonly number[]

export type AllowEntry =
  | { readonly kind: 'cidr'; readonly cidr: Cidr; readonly ports: AllowedPorts }
  /** `host` is lower case; `*.example.internal` stands for every name below `example.internal`. */
  | { readonly kind: 'host'; readonly host: string; readonly ports: AllowedPorts }

/** What one call may do: the server's settings and those of its application, joined. */
export interface OutboundPolicy {
  readonly allow: readonly AllowEntry[]
  /** For public addresses and for entries without ports. */
  readonly ports: readonly number[]
  /** The second switch: link-local and metadata addresses, where an entry names them as well. */
  readonly allowLinkLocal: boolean
  /** Public addresses may be called over plain http on port 80. An operator's exception for one application. */
  readonly allowPlainHttp?: boolean
  /** `--dev`: loopback on any port, plain http included. */
  readonly isDev: boolean
  /** The server's own public address, so that it is not told to call itself. */
  readonly ownUrl: URL | undefined
}

export type AllowResult =
  | { readonly ok: true; readonly entry: AllowEntry }
  | { readonly ok: false; readonly problem: string }

/** Reads one `--outbound-allow` value: `CIDR[:PORTS]` or `host[:PORTS]`, PORTS = `443,8443` or `*`. */
export function parseOutboundAllow(text: string): AllowResult {
  if (text.includes('://')) return refuse(text, 'leave out scheme and path; write crm.internal:8443')
  const { subject, portText } = splitPorts(text.trim())
  if (subject === '') return refuse(text, 'name a network (10.0.0.0/8:443) or a host (crm.internal:8443)')
  const ports = parsePorts(portText)
  if (typeof ports === 'object' && 'problem' in ports) return refuse(text, ports.problem)
  if (subject.includes('/') || parseHostAsIp(subject) || parseCidr(subject)) {
    return parseNetworkEntry(text, subject, ports)
  }
  const host = subject.toLowerCase().replace(/\.$/, '')
  if (!/^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(host)) {
    return refuse(text, `"${subject}" is neither a network nor a host name`)
  }
  if (/^[\d.]+$/.test(host)) return refuse(text, `"${subject}" is not a complete IPv4 address`)
  return { ok: true, entry: { kind: 'host', host, ports } }
}

/** True when the entry names this host and port. Entries for networks are asked by `entryNamesAddress`. */
export function entryNamesHost(
  entry: AllowEntry,
  host: string,
  port: number,
  policy: OutboundPolicy,
): boolean {
  if (entry.kind !== 'host' || !portsInclude(entry.ports, port, policy)) return false
  const name = host.replace(/\.$/, '')
  return entry.host.startsWith('*.') ? name.endsWith(entry.host.slice(1)) : name === entry.host
}

/** True when the entry names the network of this address and the port. */
export function entryNamesAddress(
  entry: AllowEntry,
  address: IpAddress,
  port: number,
  policy: OutboundPolicy,
): boolean {
  return entry.kind === 'cidr' && portsInclude(entry.ports, port, policy) && contains(entry.cidr, address)
}

export function portsInclude(ports: AllowedPorts, port: number, policy: OutboundPolicy): boolean {
  if (forbiddenOutboundPorts.has(port)) return false
  if (ports === 'any') return true
  return (ports === 'default' ? policy.ports : ports).includes(port)
}

/** Splits the ports off. An IPv6 network has colons of its own, so its ports follow the prefix: `fd00::/8:8443`. */
function splitPorts(text: string): { subject: string; portText: string | undefined } {
  const bracketed = /^\[([^\]]*)\](\/\d+)?(?::(.*))?$/.exec(text)
  if (bracketed) return { subject: `${bracketed[1]}${bracketed[2] ?? ''}`, portText: bracketed[3] }
  const slash = text.indexOf('/')
  const colon = slash >= 0 ? text.indexOf(':', slash) : text.indexOf(':')
  const isBareIpv6 = slash < 0 && colon !== text.lastIndexOf(':')
  if (colon < 0 || isBareIpv6) return { subject: text, portText: undefined }
  return { subject: text.slice(0, colon), portText: text.slice(colon + 1) }
}

function parsePorts(text: string | undefined): AllowedPorts | { readonly problem: string } {
  if (text === undefined) return 'default'
  if (text === '*') return 'any'
  const ports = text.split(',').map((part) => (/^\d{1,5}$/.test(part.trim()) ? Number(part) : Number.NaN))
  if (!ports.every((port) => port >= 1 && port <= 65_535)) {
    return { problem: `"${text}" is not a list of ports; write 443,8443 or *` }
  }
  const forbidden = ports.find((port) => forbiddenOutboundPorts.has(port))
  return forbidden ? { problem: `port ${forbidden} is never called; no setting allows it` } : ports
}

function parseNetworkEntry(text: string, subject: string, ports: AllowedPorts): AllowResult {
  const cidr = parseCidr(subject)
  if (!cidr)
    return refuse(text, `"${subject}" is not a network; bits beyond the prefix must be zero (10.0.0.0/8)`)
  // A wider network would be a switch for everything, which the guard must not have.
  const shortest = cidr.network.length === 4 ? 8 : 7
  if (cidr.prefixBits < shortest) return refuse(text, `a network wider than /${shortest} cannot be allowed`)
  return { ok: true, entry: { kind: 'cidr', cidr, ports } }
}

function refuse(text: string, problem: string): AllowResult {
  return { ok: false, problem: `outbound allow "${text}": ${problem}.` }
}
