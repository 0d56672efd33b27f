import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { forEachDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { createUserAgent } from '../support/user-agent.ts'

const applications = Array.from({ length: 6 }, (_, index) => `app-${index}`)
/** What the applications answer before the kill, in turn. */
const beforeTheKill = [[200, 503], ['hang']] as const
/** A lease of a dead process runs out after 30 s; then 5 s (R8). */
const takenUpWithinMs = 37_000

forEachDatabase('kill -9 of the server right after it acknowledged a sign-out', (database) => {
  for (const behaviours of beforeTheKill) {
    test(`loses nobody: after the restart every application is told, one that answers ${behaviours.join(' or ')} too (I1, I2, R8, R9)`, async () => {
      await using receiver = await startReceiver()
      await using server = await start(receiver)
      const { sids, refreshToken } = await signInEverywhere(server)
      const behaviourOf = (index: number) => behaviours[index % behaviours.length] ?? 200
      for (const [index, clientId] of applications.entries()) receiver.behave(clientId, behaviourOf(index))
      // an application is not told within a second of its sign-in (SR-19); after it, tries begin at the commit
      await delay(1100)
      // an application's own call is answered as soon as the transaction is committed, with nobody told yet
      const first = server.rp(applications[0] ?? '')
      const { status } = await first.post('logout', { refresh_token: refreshToken })
      // tries that hang are under way when the process dies: their leases must run out
      if (behaviourOf(0) === 'hang') await receiver.until(1)
      await server.kill()
      assert.equal(status, 204)

      const before = receiver.received.length
      for (const clientId of applications) receiver.behave(clientId, 200)
      await server.restart()
      assert.equal((await first.refresh(refreshToken)).body.error, 'invalid_grant')
      const accepted = sids.filter((_, index) => behaviourOf(index) === 200)
      await untilAllAccepted(receiver, sids, before, accepted)
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

/** Those of `acceptedEarly` may have been told before the kill, and have accepted it then. */
async function untilAllAccepted(
  receiver: Receiver,
  sids: readonly string[],
  before: number,
  acceptedEarly: readonly string[],
): Promise<void> {
  const deadline = performance.now() + takenUpWithinMs
  for (;;) {
    const isTold = (sid: string): boolean =>
      receiver.received
        .slice(acceptedEarly.includes(sid) ? 0 : before)
        .some(({ claims }) => claims['sid'] === sid)
    const missing = sids.filter((sid) => !isTold(sid))
    if (missing.length === 0) return
    if (performance.now() > deadline) assert.fail(`${missing.length} of ${sids.length} were not told`)
    await delay(50)
  }
}
