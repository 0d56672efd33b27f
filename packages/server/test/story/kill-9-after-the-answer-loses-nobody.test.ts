import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { forEachDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { createUserAgent } from '../support/user-agent.ts'

const applications = Array.from({ length: 6 }, (_, index) => `app-${index}`)
/** A lease of a dead process runs out after 30 s; then 5 s (R8). */
const takenUpWithinMs = 37_000

forEachDatabase('kill -9 of the server right after it acknowledged a sign-out', (database) => {
  for (const behaviour of [200, 503, 'hang'] as const) {
    test(`loses nobody: after the restart every application is told, one that answers ${behaviour} too (I1, I2, R8, R9)`, async () => {
      await using receiver = await startReceiver()
      await using server = await start(receiver)
      const { sids, refreshToken } = await signInEverywhere(server)
      for (const clientId of applications) receiver.behave(clientId, behaviour)
      // an application is not told within a second of its sign-in (SR-19); after it, tries begin at the commit
      await delay(1100)
      // an application's own call is answered as soon as the transaction is committed, with nobody told yet
      const first = server.rp(applications[0] ?? '')
      const { status } = await first.post('logout', { refresh_token: refreshToken })
      // tries that hang are under way when the process dies: their leases must run out
      if (behaviour === 'hang') await receiver.until(1)
      await server.kill()
      assert.equal(status, 204)

      const before = receiver.received.length
      for (const clientId of applications) receiver.behave(clientId, 200)
      await server.restart()
      assert.equal((await first.refresh(refreshToken)).body.error, 'invalid_grant')
      await untilAllAccepted(receiver, sids, before, behaviour === 200)
      for (const { claims } of receiver.received) assert.ok(sids.includes(claims['sid'] as string))
    })
  }

  async function start(receiver: Receiver): Promise<ServerProcess> {
    const clients = applications.map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) }))
    return startServerProcess({ ...(await database.create()), realm: { clients } })
  }
})

async function signInEverywhere(
  server: ServerProcess,
): Promise<{ sids: readonly string[]; refreshToken: string }> {
  await using agent = createUserAgent()
  const sids: string[] = []
  let refreshToken = ''
  for (const clientId of applications) {
    const tokens = await server.rp(clientId).signIn(agent)
    sids.push(tokens.session_state)
    refreshToken ||= tokens.refresh_token
  }
  return { sids, refreshToken }
}

/** With `countsEarlier`, an application that was told before the kill may have answered before it too. */
async function untilAllAccepted(
  receiver: Receiver,
  sids: readonly string[],
  before: number,
  countsEarlier: boolean,
): Promise<void> {
  const deadline = performance.now() + takenUpWithinMs
  for (;;) {
    const counted = countsEarlier ? receiver.received : receiver.received.slice(before)
    const told = new Set(counted.map(({ claims }) => claims['sid']))
    const missing = sids.filter((sid) => !told.has(sid))
    if (missing.length === 0) return
    if (performance.now() > deadline) assert.fail(`${missing.length} of ${sids.length} were not told`)
    await delay(50)
  }
}
