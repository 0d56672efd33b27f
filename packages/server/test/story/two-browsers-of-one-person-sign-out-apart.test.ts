import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../support/database.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWholeServer } from '../support/whole-server.ts'

forEachDatabase('one person with two browsers', (database) => {
  test('signs out in one, and only that one ends: the other keeps its session, its tokens and its silent sign-in', async () => {
    await using receiver = await startReceiver()
    const clients = ['wiki', 'chat'].map((clientId) => ({
      clientId,
      backchannelUrl: receiver.urlOf(clientId),
    }))
    await using world = await startWholeServer(database, { clients })
    const [laptop, phone] = [world.browser(), world.browser()]
    const wikiOnLaptop = await world.rp('wiki').signIn(laptop)
    const chatOnLaptop = await world.rp('chat').signIn(laptop)
    const wikiOnPhone = await world.rp('wiki').signIn(phone)

    await laptop.get(world.rp('wiki').logoutUrl({ id_token_hint: wikiOnLaptop.id_token }))
    await receiver.until(2)
    assert.deepEqual(
      receiver.received.map(({ claims }) => claims['sid']).toSorted(),
      [wikiOnLaptop.session_state, chatOnLaptop.session_state].toSorted(),
    )
    assert.equal((await world.rp('wiki').refresh(wikiOnLaptop.refresh_token)).status, 400)
    assert.equal((await world.rp('wiki').refresh(wikiOnPhone.refresh_token)).status, 200)

    const silent = { prompt: 'none' }
    const onPhone = await phone.follow(
      await phone.get(world.rp('chat').authorizationUrl(silent)),
      world.issuer,
    )
    assert.match(onPhone.location ?? '', /[?&]code=/)
    const onLaptop = await laptop.follow(
      await laptop.get(world.rp('chat').authorizationUrl(silent)),
      world.issuer,
    )
    assert.match(onLaptop.location ?? '', /[?&]error=login_required/)
  })
})
