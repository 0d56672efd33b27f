import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readRealmSettings } from './realm-settings.ts'

describe('realm settings (§16)', () => {
  test("an empty realm has Keycloak's lifetimes (KW-01 to KW-10)", () => {
    const settings = readRealmSettings({ realm: 'demo' })
    assert.equal(settings.ssoSessionIdleSeconds, 1800)
    assert.equal(settings.ssoSessionMaxSeconds, 36_000)
    assert.equal(settings.clientSessionIdleSeconds, 0)
    assert.equal(settings.offlineSessionIdleSeconds, 2_592_000)
    assert.equal(settings.offlineSessionMaxSeconds, undefined)
    assert.equal(settings.accessTokenSeconds, 300)
    assert.equal(settings.accessCodeSeconds, 60)
    assert.equal(settings.accessCodeUserActionSeconds, 300)
    assert.equal(settings.accessCodeLoginSeconds, 1800)
    assert.equal(readRealmSettings({ realm: 'master' }).accessTokenSeconds, 60)
  })

  test('remember-me never shortens a session (KW-03)', () => {
    const settings = readRealmSettings({
      ssoSessionIdleTimeoutRememberMe: 60,
      ssoSessionMaxLifespanRememberMe: 90_000,
    })
    assert.equal(settings.ssoSessionIdleRememberMeSeconds, 1800)
    assert.equal(settings.ssoSessionMaxRememberMeSeconds, 90_000)
  })

  test('an absolute limit of offline grants needs its switch (KW-06)', () => {
    assert.equal(readRealmSettings({ offlineSessionMaxLifespan: 60 }).offlineSessionMaxSeconds, undefined)
    assert.equal(
      readRealmSettings({ offlineSessionMaxLifespanEnabled: true }).offlineSessionMaxSeconds,
      5_184_000,
    )
  })

  test('numbers as text are read, and nonsense means the default', () => {
    assert.equal(readRealmSettings({ accessTokenLifespan: '120' }).accessTokenSeconds, 120)
    for (const value of [-1, 0, 1.5, 'x', null, [], Number.NaN]) {
      assert.equal(readRealmSettings({ accessTokenLifespan: value }).accessTokenSeconds, 300, String(value))
    }
  })

  test("Curfew's own attributes have their defaults and bounds (SR-24, SR-11)", () => {
    const plain = readRealmSettings({})
    assert.equal(plain.passwordGrant, 'off')
    assert.equal(plain.resultPage, 'never')
    assert.equal(plain.resultPauseSeconds, 1)
    assert.equal(plain.firstRoundWaitMs, 400)
    assert.equal(plain.leaveOneApplication, true)
    const set = readRealmSettings({
      attributes: {
        'curfew.password.grant': 'clients',
        'curfew.result.page': 'on-failure',
        'curfew.result.pause.seconds': '9',
        'curfew.first.round.wait.ms': '0',
        'curfew.leave.one.application': 'false',
        frontendUrl: 'https://id.example/',
        'curfew.trust.pem': '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'.repeat(2),
      },
    })
    assert.equal(set.passwordGrant, 'clients')
    assert.equal(set.resultPage, 'on-failure')
    assert.equal(set.resultPauseSeconds, 3)
    assert.equal(set.firstRoundWaitMs, 0)
    assert.equal(set.leaveOneApplication, false)
    assert.equal(set.frontendUrl, 'https://id.example')
    assert.equal(set.trustPem.length, 2)
  })

  test('events are kept whole days, rounded up', () => {
    assert.equal(readRealmSettings({ eventsExpiration: 90_000 }).eventsRetentionDays, 2)
    assert.equal(readRealmSettings({}).eventsRetentionDays, 0)
  })
})
