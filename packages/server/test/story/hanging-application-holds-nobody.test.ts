import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../support/database.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWholeServer } from '../support/whole-server.ts'

const waitMsMax = 400

forEachDatabase('an application that accepts the notice and never answers', (database) => {
  test(`never holds the browser longer than ${waitMsMax} ms, nor the notice to another application (SR-11, I10)`, async () => {
    await using receiver = await startReceiver()
    const clients = ['wiki', 'chat'].map((clientId) => ({
      clientId,
      backchannelUrl: receiver.urlOf(clientId),
    }))
    await using world = await startWholeServer(database, { clients })
    const signOut = async (): Promise<number> => {
      const agent = world.browser()
      const { session_state } = await world.rp('chat').signIn(agent)
      const { id_token } = await world.rp('wiki').signIn(agent)
      const postLogoutRedirectUri = 'https://wiki.example/callback'
      // an application is not told within a second of its sign-in (SR-19)
      world.pass(2000)
      const startedAt = performance.now()
      const answer = await agent.get(
        world
          .rp('wiki')
          .logoutUrl({ id_token_hint: id_token, post_logout_redirect_uri: postLogoutRedirectUri }),
      )
      const tookMs = performance.now() - startedAt
      assert.equal(answer.location, postLogoutRedirectUri)
      await receiver.until(1, { clientId: 'chat', sids: [session_state] })
      return tookMs
    }
    // what the same request costs on this machine at this moment when everybody answers
    const healthy: number[] = []
    for (let round = 0; round < 4; round++) healthy.push(await signOut())
    receiver.behave('wiki', 'hang')
    for (let round = 0; round < 4; round++) {
      const tookMs = await signOut()
      const limitMs = waitMsMax + Math.max(...healthy)
      assert.ok(tookMs <= limitMs, `the browser waited ${tookMs} ms of at most ${limitMs}`)
    }
  })
})
