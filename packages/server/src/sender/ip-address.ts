/**
 * IP addresses as bytes. The guard decides on these alone, never on text: the same address has many spellings.
 *
 * @see RFC 4291 §2.2 (IPv6 text), RFC 5952 §4 (its canonical form)
 */

/** 4 bytes for IPv4, 16 for IPv6, in network order. */
export type IpAddress = Uint8Array

export interface Cidr {
  readonly network: IpAddress
  readonly prefixBits: number
}

/**
 * Reads an address in the strict forms that resolvers and sockets produce. A zone (`fe80::1%eth0`) is left out.
 * Octal, hexadecimal and shortened IPv4 are refused: `URL` has already turned them into the dotted form.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/** Reads the host of a parsed `URL`: IPv6 stands in brackets. undefined means that the host is a name. */
export function parseHostAsIp(host: string): IpAddress | undefined {
  return host.startsWith('[') && host.endsWith(']') ? parseIpv6(host.slice(1, -1)) : parseIpv4(host)
}

/** Reads `address/bits`, or an address alone for exactly that one. Bits beyond the prefix must be zero. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', bits, ...rest] = text.split('/')
  const network = parseIpAddress(address)
  if (!network || rest.length > 0 || address.includes('%')) return undefined
  if (bits === undefined) return { network, prefixBits: network.length * 8 }
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > network.length * 8) return undefined
  const prefixBits = Number(bits)
  const isBase = network.every((byte, index) => (byte & ~maskByte(prefixBits, index) & 0xff) === 0)
  return isBase ? { network, prefixBits } : undefined
}

/** True when `address` lies in `cidr`; never across families. */
export function contains(cidr: Cidr, address: IpAddress): boolean {
  if (address.length !== cidr.network.length) return false
  for (let index = 0; index * 8 < cidr.prefixBits; index += 1) {
    const differing = (address[index] as number) ^ (cidr.network[index] as number)
    if ((differing & maskByte(cidr.prefixBits, index)) !== 0) return false
  }
  return true
}

/** The canonical text: dotted for IPv4, RFC 5952 for IPv6. */
export function formatIpAddress(address: IpAddress): string {
  if (address.length === 4) return address.join('.')
  const groups = Array.from(
    { length: 8 },
    (_, i) => (address[2 * i] as number) * 256 + (address[2 * i + 1] as number),
  )
  const { start, length } = longestZeroRun(groups)
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (length < 2) return hex(groups)
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

function maskByte(prefixBits: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixBits - index * 8))
  return (0xff << (8 - bits)) & 0xff
}

/** By hand, because it is asked for every host of every call: names are told apart at their first letter. */
function parseIpv4(text: string): IpAddress | undefined {
  if (text.length > 15 || text.length < 7) return undefined
  const bytes = new Uint8Array(4)
  let part = 0
  let digits = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === dot) {
      if (digits === 0 || part === 3) return undefined
      part += 1
      digits = 0
      continue
    }
    const value = (bytes[part] as number) * 10 + code - zero
    const hasLeadingZero = digits > 0 && bytes[part] === 0
    if (code < zero || code > nine || hasLeadingZero || value > 255) return undefined
    bytes[part] = value
    digits += 1
  }
  return part === 3 && digits > 0 ? bytes : undefined
}

const dot = 0x2e
const zero = 0x30
const nine = 0x39

function parseIpv6(text: string): IpAddress | undefined {
  const [bare = ''] = text.split('%')
  const halves = bare.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0] as string, halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1] as string, true) : []
  if (!head || !tail) return undefined
  const missing = 16 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail])
}

/** Bytes of `a:b:c`; the last group may be dotted IPv4 where the address ends here. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return []
  const groups = text.split(':')
  const bytes: number[] = []
  for (const [index, group] of groups.entries()) {
    if (group.includes('.')) {
      const inner = endsAddress && index === groups.length - 1 ? parseIpv4(group) : undefined
      if (!inner) return undefined
      bytes.push(...inner)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
    }
  }
  return bytes
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] === 0) continue
    if (index - start > best.length) best = { start, length: index - start }
    start = index + 1
  }
  return best
}
