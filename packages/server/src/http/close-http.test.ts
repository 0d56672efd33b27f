import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { Agent, request } from 'undici'
import { systemTimer } from '../ambient/timer.ts'
import { closeHttp } from './close-http.ts'

/** A server with one request in flight, asked for on a connection that its client would keep. */
async function startBusy() {
  const app = Fastify({ keepAliveTimeout: 60_000 })
  const arrived = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<string>()
  app.get('/', () => {
    arrived.resolve()
    return answer.promise
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const dispatcher = new Agent({ keepAliveTimeout: 60_000 })
  const answered = request(url, { dispatcher }).then(({ body }) => body.text())
  await arrived.promise
  return { app, answer, answered, [Symbol.asyncDispose]: () => dispatcher.destroy() }
}

test('D16: a request in flight is answered, and its connection, which both sides would keep, does not hold up the end', async () => {
  await using busy = await startBusy()
  const closed = closeHttp(busy.app, systemTimer, 30_000)
  await new Promise((next) => setTimeout(next, 100))
  const startedAt = performance.now()
  busy.answer.resolve('done')
  assert.equal(await busy.answered, 'done')
  await closed
  assert.ok(performance.now() - startedAt < 5000)
})

test('D16: a request that does not end is cut when the grace is over', async () => {
  await using busy = await startBusy()
  const cut = assert.rejects(busy.answered)
  await closeHttp(busy.app, systemTimer, 100)
  await cut
  busy.answer.resolve('too late')
})
