import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemAmbient } from '../ambient/ambient.ts'
import { withoutPorts } from './forwarded-for.ts'
import { createHttp } from './http.ts'

type Line = Readonly<Record<string, unknown>>

async function addressesSeen(
  trustedProxies: readonly string[],
  requests: readonly { readonly from: string; readonly forwardedFor?: string }[],
): Promise<{ seen: readonly string[]; lines: readonly Line[] }> {
  const lines: Line[] = []
  const log = {
    write: (_level: string, event: string, fields: Line) => void lines.push({ event, ...fields }),
  }
  const app = createHttp(
    systemAmbient({ log }),
    { isPublicHttps: true, legacyAuthPath: false, trustedProxies },
    (_request, reply) => reply.send(),
  )
  app.get('/address', async (request) => request.ip)
  const seen: string[] = []
  for (const { from, forwardedFor } of requests) {
    const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
    seen.push((await app.inject({ url: '/address', remoteAddress: from, headers })).payload)
  }
  await app.close()
  return { seen, lines }
}

describe('the address that a request came from', () => {
  test('is the last one that no trusted proxy has, whatever the caller put before it', async () => {
    const { seen, lines } = await addressesSeen(
      ['10.0.0.0/8'],
      [
        { from: '10.0.0.1', forwardedFor: '198.51.100.7' },
        { from: '10.0.0.1', forwardedFor: '127.0.0.1, 198.51.100.7' },
        { from: '10.0.0.1', forwardedFor: '127.0.0.1, 198.51.100.7, 10.9.9.9' },
        { from: '10.0.0.1', forwardedFor: '127.0.0.1, 198.51.100.7:4711' },
        { from: '10.0.0.1', forwardedFor: '[2001:db8::7]:4711' },
        { from: '203.0.113.5' },
      ],
    )
    assert.deepEqual(seen, [...Array.from({ length: 4 }, () => '198.51.100.7'), '2001:db8::7', '203.0.113.5'])
    assert.deepEqual(lines, [])
  })

  test('is the peer’s where nobody or somebody else is trusted, and the log says once what that means', async () => {
    for (const trusted of [[], ['10.0.0.0/8']]) {
      const spoofed = { from: '192.0.2.1', forwardedFor: '198.51.100.7' }
      const { seen, lines } = await addressesSeen(trusted, [spoofed, spoofed])
      assert.deepEqual(seen, ['192.0.2.1', '192.0.2.1'])
      assert.equal(lines.length, 1)
      assert.deepEqual([lines[0]?.['event'], lines[0]?.['peer']], ['http.proxy_not_trusted', '192.0.2.1'])
    }
  })

  test('has no port; what is no address stays as it is', () => {
    const rows: readonly (readonly [string, string])[] = [
      ['203.0.113.9:50123', '203.0.113.9'],
      ['[2001:DB8::1]:443, 203.0.113.9', '2001:DB8::1, 203.0.113.9'],
      ['[::1]', '::1'],
      ['2001:db8::1', '2001:db8::1'],
      ['unknown, _hidden:1, a.b.c.d:1', 'unknown, _hidden:1, a.b.c.d:1'],
      ['', ''],
    ]
    for (const [given, expected] of rows) assert.equal(withoutPorts(given), expected)
  })
})
