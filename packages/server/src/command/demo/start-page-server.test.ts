import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { DemoApplication } from './demo-applications.ts'
import { planDemo } from './plan-demo.ts'
import { startStartPage } from './start-page-server.ts'
import type { Supervised } from './supervise.ts'

function fakeProcess(): Supervised {
  let isRunning = true
  return {
    get isRunning() {
      return isRunning
    },
    async start() {
      isRunning = true
    },
    async stop() {
      isRunning = false
    },
    ended: new Promise(() => undefined),
  }
}

/** Each test has ports of its own: fetch keeps connections to an address, also to one that has gone. */
let nextPort = 20_000 + (process.pid % 20_000)

async function startPageFor(t: TestContext): Promise<string> {
  const applications: readonly DemoApplication[] = [
    {
      name: 'wiki',
      title: 'Wiki',
      madeOf: 'Express',
      colour: '#2457a6',
      url: 'http://localhost:8081',
      canBeTold: true,
      process: fakeProcess(),
    },
  ]
  const page = await startStartPage(await planDemo(nextPort, ''), applications)
  nextPort += 10
  t.after(() => page[Symbol.asyncDispose]())
  return page.url
}

const running = async (url: string): Promise<unknown> => (await fetch(`${url}/running`)).json()

test('the start page shows each application, with a policy that lets it ask them and nobody else', async (t) => {
  const url = await startPageFor(t)
  const answer = await fetch(url)
  assert.match(await answer.text(), /<h2>Wiki<\/h2>/)
  assert.match(
    answer.headers.get('content-security-policy') ?? '',
    /connect-src 'self' http:\/\/localhost:8081;/,
  )
  for (const name of ['start-page.css', 'start-page.js'])
    assert.equal((await fetch(`${url}/${name}`)).status, 200)
  assert.equal((await fetch(`${url}/other`)).status, 404)
})

test('the start page stops and starts an application', async (t) => {
  const url = await startPageFor(t)
  const press = (verb: string): Promise<Response> =>
    fetch(`${url}/applications/wiki/${verb}`, { method: 'POST', headers: { origin: url } })
  assert.deepEqual(await running(url), { wiki: true })
  assert.equal((await press('stop')).status, 200)
  assert.deepEqual(await running(url), { wiki: false })
  await press('start')
  assert.deepEqual(await running(url), { wiki: true })
})

test('a form on another page cannot stop an application of the demo', async (t) => {
  const url = await startPageFor(t)
  const headers = { origin: 'https://elsewhere.example' }
  const answer = await fetch(`${url}/applications/wiki/stop`, { method: 'POST', headers })
  assert.equal(answer.status, 403)
  assert.deepEqual(await running(url), { wiki: true })
})
