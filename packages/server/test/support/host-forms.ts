/**
 * Spellings of addresses that the server must not call: what resolvers, `URL` and people make of loopback, private,
 * link-local and metadata addresses. The corpus of X-01.
 */
const ipv4Targets = [
  '127.0.0.1',
  '10.0.0.1',
  '169.254.169.254',
  '192.168.0.1',
  '172.16.0.1',
  '100.64.0.1',
  '0.0.0.0',
]

/** Every spelling of one IPv4 address that `URL` reads (WHATWG URL, IPv4 parser), and the ways to carry it in IPv6. */
export function spellings(ipv4: string): readonly string[] {
  const [a, b, c, d] = ipv4.split('.').map(Number) as [number, number, number, number]
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const hex = (value: number): string => value.toString(16)
  const pair = (high: number, low: number): string => hex(high * 256 + low)
  const inverted = `${pair(255 - a, 255 - b)}:${pair(255 - c, 255 - d)}`
  return [
    ipv4,
    `${ipv4}.`,
    String(whole),
    `0x${hex(whole)}`,
    `0${whole.toString(8)}`,
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `0x${hex(a)}.0x${hex(b)}.0x${hex(c)}.0x${hex(d)}`,
    `0${a.toString(8)}.0${b.toString(8)}.0${c.toString(8)}.0${d.toString(8)}`,
    `0${a.toString(8)}.${b}.0x${hex(c)}.${d}`,
    `[::ffff:${ipv4}]`,
    `[::ffff:${pair(a, b)}:${pair(c, d)}]`,
    `[0:0:0:0:0:FFFF:${ipv4}]`,
    `[::${ipv4}]`,
    `[::ffff:0:${ipv4}]`,
    `[64:ff9b::${ipv4}]`,
    `[64:ff9b:1::${ipv4}]`,
    `[2002:${pair(a, b)}:${pair(c, d)}::1]`,
    `[2001:0:4136:e378:8000:63bf:${inverted}]`,
  ]
}

export const hostForms: readonly string[] = [
  ...ipv4Targets.flatMap(spellings),
  '127.0.0.2',
  '127.255.255.254',
  '127.1',
  '0',
  '0x0',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::0001]',
  '[fe80::1]',
  '[fec0::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fd20:ce::254]',
  '[ff02::1]',
  '[2001:db8::1]',
  '[100::1]',
  '[3fff::1]',
  '[5f00::1]',
  '224.0.0.1',
  '239.255.255.250',
  '255.255.255.255',
  '240.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '100.100.100.200',
  '168.63.129.16',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'app.localhost',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '１２７．０．０．１',
  'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ',
  '%31%32%37.0.0.1',
  '127%2e0%2e0%2e1',
  '127.0.0.1%00.example.com',
  'user@127.0.0.1',
  'example.com@127.0.0.1',
  'example.com:443@127.0.0.1',
  '127.0.0.1\\@example.com',
  '127.0.0.1#@example.com',
  '[::ffff:7f00:1%25eth0]',
  '[fe80::1%25eth0]',
]
