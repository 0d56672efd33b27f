import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { forEachDatabase } from '../support/database.ts'
import { startOpHost } from '../support/op-host.ts'

forEachDatabase('the code flow', (database) => {
  test('a person signs in at one application and is signed in at the next without a page', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const tokens = await host.rp('wiki').signIn(browser)
    const access = decodeJwt(tokens.access_token)
    assert.equal(access['typ'], 'Bearer')
    assert.equal(access['azp'], 'wiki')
    assert.equal(decodeProtectedHeader(tokens.access_token).typ, 'JWT')
    const id = decodeJwt(tokens.id_token)
    assert.equal(id['sid'], access['sid'])
    assert.equal(id['sid'], tokens.session_state)
    const refresh = decodeJwt(tokens.refresh_token)
    assert.equal(refresh['typ'], 'Refresh')

    const chat = host.rp('chat')
    const page = await browser.get(chat.authorizationUrl())
    assert.ok(page.location?.startsWith(chat.redirectUri), page.text)
    const second = await chat.exchange(page.location as string)
    assert.equal(second.status, 200, JSON.stringify(second.body))
    const refreshed = await host.rp('wiki').refresh(tokens.refresh_token)
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body))
    assert.ok(refreshed.body.id_token)
  })
})
