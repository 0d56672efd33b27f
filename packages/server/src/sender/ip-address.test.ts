import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatIpAddress, parseCidr, parseIpAddress } from './ip-address.ts'

describe('IP addresses as bytes', () => {
  test('every address survives being written and read', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    )
    fc.assert(
      fc.property(bytes, (address) => {
        assert.deepEqual(parseIpAddress(formatIpAddress(address)), address)
      }),
      { numRuns: 5_000 },
    )
  })

  test('the text of an IPv6 address is the one that URL writes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        (address, mask) => {
          // Most random addresses have no zeros to shorten.
          const holey = address.map((byte, index) => ((mask[index & 14] as number) < 128 ? 0 : byte))
          assert.equal(`[${formatIpAddress(holey)}]`, new URL(`http://[${formatIpAddress(holey)}]`).hostname)
        },
      ),
      { numRuns: 5_000 },
    )
  })

  test('what is read as an address is what Node reads as one', () => {
    const text = fc.stringMatching(/^[0-9a-f:.]{1,24}$/)
    fc.assert(
      fc.property(text, (candidate) => {
        assert.equal(
          parseIpAddress(candidate) !== undefined,
          isIPv4(candidate) || isIPv6(candidate),
          candidate,
        )
      }),
      { numRuns: 20_000 },
    )
  })

  test('a network has no bits beyond its prefix', () => {
    assert.ok(parseCidr('10.0.0.0/8'))
    assert.ok(parseCidr('fd00::/8'))
    for (const text of [
      '10.0.0.1/8',
      '10.0.0.0/',
      '10.0.0.0/08x',
      '10.0.0.0/8/8',
      'fe80::1%eth0/64',
      'x/8',
    ]) {
      assert.equal(parseCidr(text), undefined, text)
    }
  })
})
