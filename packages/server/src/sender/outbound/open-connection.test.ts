import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defaultOutboundPorts } from '../outbound-policy.ts'
import { assertReached } from './open-connection.ts'

const policy = {
  allow: [],
  ports: defaultOutboundPorts,
  allowLinkLocal: false,
  isDev: false,
  ownUrl: undefined,
}
const plan = { policy, target: { host: 'crm.test', port: 443, isPlainHttp: false } }

describe('the last look at an open connection', () => {
  test('T6: a socket that reached a forbidden address, or cannot say where it went, is destroyed and not used', () => {
    for (const remoteAddress of ['127.0.0.1', '::ffff:10.0.0.1', 'fe80::1%eth0', '', undefined]) {
      let isDestroyed = false
      const socket = {
        remoteAddress,
        destroy() {
          isDestroyed = true
        },
      }
      assert.throws(() => assertReached(socket, plan), { kind: 'blocked', reason: 'policy.private_address' })
      assert.equal(isDestroyed, true)
    }
  })

  test('a socket that reached a public address is used', () => {
    const socket = { remoteAddress: '8.8.8.8', destroy: () => assert.fail('destroyed') }
    assert.equal(assertReached(socket, plan), socket)
  })
})
