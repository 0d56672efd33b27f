/** R4: an authorization in one tab while another tab signs out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../support/database.ts'
import { applications, openRace } from './race.ts'

forEachDatabase('an authorization beside a sign-out', (database) => {
  test('R4: the sign-out commits first, and the other tab gets the sign-in page', async () => {
    await using race = await openRace(database)
    const { host, gates, browser } = race
    const held = gates.hold('authorize.beforeCommit')
    const asking = browser.get(host.rp('files').authorizationUrl())
    await held.reached
    await race.signOut()
    held.release()
    const page = await browser.follow(await asking, host.origin)
    assert.match(page.text, /sign in/)
    assert.deepEqual(await race.told(), applications, 'the third application never joined')
  })

  test('R4: the authorization commits first, the application is told, and its code is dead', async () => {
    await using race = await openRace(database)
    const { host, browser } = race
    const files = host.rp('files')
    const page = await browser.get(files.authorizationUrl())
    await race.signOut()
    assert.deepEqual(await race.told(), [...applications, 'files'].sort())
    assert.equal((await files.exchange(page.location as string)).status, 400)
  })

  test('R4: a sign-in that a sign-out of the whole account overtakes begins no session with the account disabled', async () => {
    await using race = await openRace(database)
    const { host, gates } = race
    const fresh = host.browser()
    const wiki = host.rp('wiki')
    const page = await fresh.follow(await fresh.get(wiki.authorizationUrl()), host.origin)
    const held = gates.hold('signIn.beforeCommit')
    const posted = await fresh.submit(page, { username: 'alice' })
    const resuming = fresh.get(posted.location as string)
    await held.reached
    await race.disableAccount()
    held.release()
    const answer = await resuming
    assert.ok(!answer.location?.includes('code='), answer.location)
    assert.equal(await race.activeSessionCount(), 0)
  })
})
