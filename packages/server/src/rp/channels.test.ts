import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ChannelRegistration, channelProblems, channelsOf } from './channels.ts'

const client = (overrides: Partial<ChannelRegistration>): ChannelRegistration => ({
  protocol: 'openid-connect',
  publicClient: false,
  frontchannelLogout: false,
  redirectUris: ['https://app.example/*'],
  rootUrl: 'https://app.example/root',
  adminUrl: undefined,
  attributes: {},
  ...overrides,
})
const backchannel = (url: string, overrides: Partial<ChannelRegistration> = {}): ChannelRegistration =>
  client({ attributes: { 'backchannel.logout.url': url }, ...overrides })
const reasons = (of: ChannelRegistration): string[] => channelProblems(of).map((problem) => problem.reason)

describe('channels of an application', () => {
  test('an application without an address has none', () => {
    assert.deepEqual(channelsOf(client({})), [])
    assert.deepEqual(channelsOf(backchannel('')), [])
  })

  test('a back-channel URL may be relative to the root URL (KS-01)', () => {
    const address = 'https://app.example/root/backchannel'
    assert.deepEqual(channelsOf(backchannel('/backchannel')), [{ channel: 'oidc-back-channel', address }])
    assert.deepEqual(reasons(backchannel('/backchannel', { rootUrl: undefined })), ['no_root_url'])
  })

  test('a placeholder is refused in the address and in the root URL (KS-01, CVE-2026-4874)', () => {
    const host = 'https://${application.session.host}/backchannel'
    assert.deepEqual(channelsOf(backchannel(host)), [])
    assert.deepEqual(reasons(backchannel(host)), ['placeholder'])
    assert.deepEqual(reasons(backchannel('/x', { rootUrl: 'https://${host}' })), ['placeholder'])
  })

  test('front channel and back channel are both used (KS-04, KS-10, SR-15)', () => {
    const both = client({
      frontchannelLogout: true,
      attributes: {
        'backchannel.logout.url': 'https://app.example/back',
        'frontchannel.logout.url': 'https://app.example/front?x=1',
      },
    })
    assert.deepEqual(
      channelsOf(both).map((one) => one.channel),
      ['oidc-back-channel', 'oidc-front-channel'],
    )
  })

  test('the front channel needs the flag and the URL (KS-04)', () => {
    const attributes = { 'frontchannel.logout.url': 'https://app.example/front' }
    assert.deepEqual(channelsOf(client({ attributes })), [])
    assert.deepEqual(channelsOf(client({ frontchannelLogout: true })), [])
  })

  test('a front-channel URL off the origins of the redirect URIs is refused (FCL-01, KS-05)', () => {
    const attributes = { 'frontchannel.logout.url': 'https://other.example/front' }
    assert.deepEqual(reasons(client({ frontchannelLogout: true, attributes })), ['foreign_origin'])
  })

  test('the admin URL is used only when there is no back-channel URL (§11.2)', () => {
    assert.deepEqual(channelsOf(client({ adminUrl: 'https://app.example/admin/' })), [
      { channel: 'keycloak-admin-url', address: 'https://app.example/admin' },
    ])
    assert.deepEqual(
      channelsOf(backchannel('https://app.example/back', { adminUrl: 'https://app.example/admin' })).map(
        (one) => one.channel,
      ),
      ['oidc-back-channel'],
    )
  })

  test('addresses that cannot be called have a reason', () => {
    const cases: Record<string, string> = {
      'ftp://app.example/x': 'not_http',
      'app.example/x': 'not_an_address',
      'https://app.example/a b': 'not_an_address',
      'https://u:p@app.example/x': 'has_user_info',
      'https://app.example/x#y': 'has_fragment',
      [`https://app.example/${'x'.repeat(2048)}`]: 'too_long',
    }
    for (const [url, reason] of Object.entries(cases))
      assert.deepEqual(reasons(backchannel(url)), [reason], url)
  })
})
