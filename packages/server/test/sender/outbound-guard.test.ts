import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { judgeAddress, judgeUrl } from '../../src/sender/address-guard.ts'
import type { OutboundPolicy } from '../../src/sender/outbound-policy.ts'
import { hostForms, spellings } from '../support/host-forms.ts'
import { neverAborted, outboundFor, someNotice, someOutboundSettings } from '../support/outbound.ts'

const strict: OutboundPolicy = { ...someOutboundSettings, isDev: false }

/** A listener that must never be reached. */
async function canary(t: {
  after(run: () => void): void
}): Promise<{ readonly port: number; readonly count: () => number }> {
  let count = 0
  const server = createServer((socket) => {
    count += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port, count: () => count }
}

describe('X-01, T4: no spelling of a forbidden address is connected to', () => {
  test(`none of ${hostForms.length} host forms reaches a canary on loopback`, async (t) => {
    assert.ok(hostForms.length >= 120)
    const { port, count } = await canary(t)
    const outbound = outboundFor(t, { isDev: false, ports: [443, port], allowPlainHttp: true })
    for (const host of hostForms) {
      for (const scheme of ['http', 'https']) {
        const outcome = await outbound.post(someNotice(`${scheme}://${host}:${port}/`), neverAborted)
        assert.equal(outcome.kind, 'blocked', `${scheme}://${host} ${JSON.stringify(outcome)}`)
      }
    }
    assert.equal(count(), 0)
  })

  test('T6: a resolver that gives nothing usable is no connection', async (t) => {
    const { port, count } = await canary(t)
    for (const answer of [['not an address'], ['127.0.0.1:80'], ['::1%lo', '10.0.0.1']]) {
      const outbound = outboundFor(t, { isDev: false, ports: [port] }, { resolve: async () => answer })
      const outcome = await outbound.post(someNotice(`https://crm.test:${port}/`), neverAborted)
      assert.equal(outcome.kind, 'blocked', JSON.stringify(outcome))
    }
    assert.equal(count(), 0)
  })
})

describe('X-02: rebinding', () => {
  test('T5: a name that answers with a public address when it is judged and with loopback when it is called reaches nothing', async (t) => {
    const { port, count } = await canary(t)
    let question = 0
    const resolve = async (): Promise<readonly string[]> => {
      question += 1
      return question % 2 === 1 ? ['127.0.0.1'] : ['127.0.0.1', '169.254.169.254', '::1', '10.0.0.1']
    }
    const outbound = outboundFor(t, { isDev: false, ports: [443, port] }, { resolve })
    for (let round = 0; round < 50; round += 1) {
      const url = `https://rebind.test:${port}/`
      assert.ok((await outbound.check(url)) !== undefined)
      const outcome = await outbound.post(someNotice(url, { endpointId: `e${round}` }), neverAborted)
      assert.equal(outcome.kind, 'blocked')
    }
    assert.equal(count(), 0)
  })

  test('of several addresses only the allowed ones are called', async (t) => {
    const { port, count } = await canary(t)
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.2', resolve))
    t.after(() => server.close())
    const entry = {
      kind: 'cidr',
      cidr: { network: Uint8Array.of(127, 0, 0, 2), prefixBits: 32 },
      ports: 'any',
    } as const
    const outbound = outboundFor(
      t,
      { isDev: false, allow: [entry] },
      { resolve: async () => ['127.0.0.1', '127.0.0.2', '10.0.0.1'] },
    )
    const outcome = await outbound.post(someNotice(`http://crm.test:${port}/`), neverAborted)
    assert.equal(outcome.kind, 'answered', JSON.stringify(outcome))
    assert.equal(count(), 0)
  })
})

/** IANA special-purpose registries (RFC 6890 and later), multicast, and what security.md adds: base and prefix length. */
const denied4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]
/** The upper 64 bits as hexadecimal, because all but the first of these are decided there. */
const denied6: readonly (readonly [string, number])[] = [
  ['0064ff9b000000000000000000000000', 96],
  ['0064ff9b000100000000000000000000', 48],
  ['01000000000000000000000000000000', 64],
  ['20010000000000000000000000000000', 23],
  ['20010db8000000000000000000000000', 32],
  ['20020000000000000000000000000000', 16],
  ['3fff0000000000000000000000000000', 20],
  ['5f000000000000000000000000000000', 16],
  ['fc000000000000000000000000000000', 7],
  ['fe800000000000000000000000000000', 10],
  ['fec00000000000000000000000000000', 10],
  ['ff000000000000000000000000000000', 8],
]

const value4 = (text: string): bigint => text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
const inRange = (value: bigint, base: bigint, prefix: number, bits: number): boolean =>
  value >> BigInt(bits - prefix) === base >> BigInt(bits - prefix)

/** The independent reference: plain arithmetic on whole numbers. */
function isPublic4(value: bigint): boolean {
  return !denied4.some(([base, prefix]) => inRange(value, value4(base), prefix, 32))
}
function isPublic6(value: bigint): boolean {
  if (value >> 32n === 0xffffn) return isPublic4(value & 0xffffffffn)
  // 2000::/3 is all that is given to anybody (IANA, IPv6 Address Space)
  if (value >> 125n !== 1n) return false
  return !denied6.some(([base, prefix]) => inRange(value, BigInt(`0x${base}`), prefix, 128))
}

const text4 = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
const text6 = (value: bigint): string =>
  Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16)).join(
    ':',
  )

/** Random values, and values at and around the edges of every network. */
const around = (bits: number, networks: readonly (readonly [bigint, number])[]): fc.Arbitrary<bigint> => {
  const max = (1n << BigInt(bits)) - 1n
  const edge = fc
    .tuple(fc.constantFrom(...networks), fc.boolean(), fc.bigInt(-2n, 2n))
    .map(([[base, prefix], isEnd, step]) => {
      const end = base + (1n << BigInt(bits - prefix)) - 1n
      const value = (isEnd ? end : base) + step
      return value < 0n ? 0n : value > max ? max : value
    })
  const inside = fc
    .tuple(fc.constantFrom(...networks), fc.bigInt(0n, max))
    .map(([[base, prefix], noise]) => base + (noise >> BigInt(prefix)))
  return fc.oneof(edge, inside, fc.bigInt(0n, max))
}

describe('X-03: the guard agrees with an independent reference', () => {
  const runs = Number(process.env['FUZZ_RUNS'] ?? 20_000)
  const agrees = (text: string, isPublic: boolean): void => {
    const judged = judgeAddress(text, strict, { host: 'crm.test', port: 443, isPlainHttp: false })
    assert.equal(judged.ok, isPublic, text)
  }

  test('every IPv4 address is judged as the reference judges it', () => {
    const networks = denied4.map(([base, prefix]) => [value4(base), prefix] as const)
    fc.assert(
      fc.property(around(32, networks), (value) => agrees(text4(value), isPublic4(value))),
      { numRuns: runs / 2 },
    )
  })

  test('every IPv6 address is judged as the reference judges it, IPv4 inside included', () => {
    const networks = [
      ...denied6.map(([base, prefix]) => [BigInt(`0x${base}`), prefix] as const),
      [0n, 96] as const,
      [0xffff00000000n, 96] as const,
      [0xffff000000000000n, 96] as const,
      [1n << 125n, 3] as const,
    ]
    fc.assert(
      fc.property(around(128, networks), (value) => agrees(text6(value), isPublic6(value))),
      { numRuns: runs / 2 },
    )
  })

  test('every spelling of an IPv4 address in a URL is judged as the address; a carried one is never allowed', () => {
    const networks = denied4.map(([base, prefix]) => [value4(base), prefix] as const)
    fc.assert(
      fc.property(around(32, networks), (value) => {
        for (const host of spellings(text4(value))) {
          const isCarried = host.startsWith('[') && !/^\[(::|0:0:0:0:0:)ffff:(?!0:\d+\.)/i.test(host)
          const judged = judgeUrl(`https://${host}/`, strict)
          assert.equal(judged.ok, isPublic4(value) && !isCarried, host)
        }
      }),
      { numRuns: runs / 20 },
    )
  })
})
