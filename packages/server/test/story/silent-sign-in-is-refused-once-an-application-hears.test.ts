import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../support/database.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWholeServer } from '../support/whole-server.ts'

forEachDatabase('an application that signs its person in again the moment it is told', (database) => {
  test('gets login_required: the session has ended before anybody hears of it (R7, D1)', async () => {
    await using receiver = await startReceiver()
    await using world = await startWholeServer(database, {
      clients: ['wiki', 'chat'].map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) })),
    })
    const agent = world.browser()
    const [wiki, chat] = [world.rp('wiki'), world.rp('chat')]
    await chat.signIn(agent)
    const { id_token } = await wiki.signIn(agent)
    const silent = () => agent.get(chat.authorizationUrl({ prompt: 'none' }))
    const errorOf = (location: string | undefined) => new URL(location ?? '').searchParams.get('error')
    assert.equal(errorOf((await silent()).location), null, 'it works as long as the session lives')
    const heard: (string | null)[] = []
    receiver.behave('chat', (_request, response) => {
      void silent().then(({ location }) => {
        heard.push(errorOf(location))
        response.end()
      })
    })
    // an application is not told within a second of its sign-in (SR-19)
    world.pass(2000)
    await agent.get(wiki.logoutUrl({ id_token_hint: id_token }))
    await receiver.until(2)
    for (let waitedMs = 0; heard.length === 0 && waitedMs < 5000; waitedMs += 20)
      await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(heard, ['login_required'])
  })
})
