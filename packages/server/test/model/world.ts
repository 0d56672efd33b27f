/** The real server, the applications and the people's browsers. One server for all runs; each run has browsers of its own. */
import assert from 'node:assert/strict'
import { request } from 'undici'
import { updateRepresentation } from '../../src/realm/update-representation.ts'
import { type Administrator, adminEnvironment, signInAsAdministrator } from '../support/administrator.ts'
import type { TestDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'
import { createUserAgent, type UserAgent } from '../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'
import { type Application, applications, browserCount, endsOffline, rotating, type Session } from './model.ts'

export interface World extends AsyncDisposable {
  readonly server: WholeServer
  readonly receiver: Receiver
  readonly root: Administrator
  rp(application: Application): RelyingParty
  /** Two people whom no other line of runs knows. */
  peopleOf(line: number): readonly [Person, Person]
  /** Every `sid` that any run was given. */
  readonly sids: Set<string>
}

/** Long: many lines of runs share the machine with other tests. */
const toldWithinMs = 15_000

export interface Person {
  readonly username: string
  readonly id: string
}

const monthSeconds = 30 * 86_400
/** The clock of the server runs ahead with every sign-out; nothing is to end by itself. */
const lastingLong = {
  accessTokenLifespan: monthSeconds,
  ssoSessionIdleTimeout: monthSeconds,
  ssoSessionMaxLifespan: monthSeconds,
}

export async function startWorld(database: Pick<TestDatabase, 'create'>, lineCount: number): Promise<World> {
  const receiver = await startReceiver()
  const usernames = Array.from({ length: lineCount * 2 }, (_, index) => `person-${index}`)
  const server = await startWholeServer(
    database,
    {
      clients: applications.map((clientId) => ({
        clientId,
        backchannelUrl: receiver.urlOf(clientId),
        publicClient: clientId === rotating,
        attributes: clientId === endsOffline ? { 'backchannel.logout.revoke.offline.tokens': 'true' } : {},
      })),
      usernames,
      settings: lastingLong,
    },
    {
      ...adminEnvironment,
      CURFEW_DELIVERY_RATE_PER_SECOND_MAX: '10000',
      CURFEW_DELIVERY_LEASED_COUNT_MAX: '16',
    },
  )
  const { store, realms } = server.server
  const master = await realms.byName('master')
  assert.ok(master)
  await store.transact((tx) => updateRepresentation(tx, master.id, lastingLong))
  const root = await signInAsAdministrator(server.url)
  const people = await Promise.all(
    usernames.map(async (username): Promise<Person> => {
      const { body } = await root.get(`test/users?username=${username}&exact=true`)
      return { username, id: body[0].id }
    }),
  )
  const { issuer } = server
  const partyOf = (clientId: Application): RelyingParty =>
    relyingParty(clientId === rotating ? { issuer, clientId, secret: '' } : { issuer, clientId })
  const parties = new Map(applications.map((clientId) => [clientId, partyOf(clientId)]))
  return {
    server,
    receiver,
    root,
    rp: (application) => parties.get(application) as RelyingParty,
    peopleOf: (line) => [people[2 * line] as Person, people[2 * line + 1] as Person],
    sids: new Set(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await receiver[Symbol.asyncDispose]()
    },
  }
}

/** One run of commands. */
export interface Run extends AsyncDisposable {
  readonly world: World
  readonly people: readonly [Person, Person]
  readonly browsers: readonly UserAgent[]
  /** A second later: applications are told at once, and tokens differ in their `iat` from what was taken back. */
  passSecond(): void
  isActive(token: string): Promise<boolean>
  isUserKnown(accessToken: string): Promise<boolean>
  /** Everybody in it has been told, once, with the `sid` of its own (I2, I3). */
  assertTold(session: Session): Promise<void>
}

export function startRun(world: World, line: number): Run {
  const { server, receiver } = world
  const browsers = Array.from({ length: browserCount }, () => createUserAgent())
  return {
    world,
    people: world.peopleOf(line),
    browsers,
    passSecond: () => server.pass(1001),
    async isActive(token) {
      const { body } = await world.rp('wiki').post('token/introspect', { token })
      return (body as { active?: boolean }).active === true
    },
    async isUserKnown(accessToken) {
      const { statusCode, body } = await request(`${server.issuer}/protocol/openid-connect/userinfo`, {
        headers: { authorization: `Bearer ${accessToken}` },
      })
      await body.dump()
      assert.ok(statusCode === 200 || statusCode === 401, `userinfo answered ${statusCode}`)
      return statusCode === 200
    },
    async assertTold({ sids }) {
      const told = await receiver.until(sids.size, { sids: [...sids.values()], timeoutMs: toldWithinMs })
      const pairs = told.map(({ clientId, claims }) => `${clientId} ${claims['sid']} ${claims.aud}`)
      const members = [...sids].map(([clientId, sid]) => `${clientId} ${sid} ${clientId}`)
      assert.deepEqual(pairs.toSorted(), members.toSorted())
    },
    async [Symbol.asyncDispose]() {
      for (const browser of browsers) await browser[Symbol.asyncDispose]()
    },
  }
}
