/**
 * Several Curfew processes' worth of servers on one PostgreSQL, behind one public address that a test points at
 * one or the other: a load balancer without sticky sessions. Each reaches the database through a proxy of its own.
 */
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { systemClock } from '../../src/ambient/clock.ts'
import { type ComposedServer, compose } from '../../src/compose.ts'
import { loadSettings } from '../../src/config/config.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { importRealm } from '../../src/realm/import/import-realm.ts'
import { cheapPasswords } from './cheap-passwords.ts'
import type { TestDatabase } from './database.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { freePort } from './postgres.ts'
import { type RealmExportOptions, realmExport } from './realm-export.ts'
import { type RelyingParty, relyingParty } from './relying-party.ts'
import { createUserAgent, type UserAgent } from './user-agent.ts'

export interface Processes extends AsyncDisposable {
  readonly members: readonly Member[]
  /** The public address, that of the balancer. */
  readonly url: string
  readonly issuer: string
  /** Requests go to this member from now on. */
  through(index: number): Promise<void>
  rp(clientId: string): RelyingParty
  browser(): UserAgent
  /** An administrator's change, made at this member. */
  reimport(index: number, options: RealmExportOptions): Promise<void>
}

export interface Member {
  readonly server: ComposedServer
  /** Its own address. */
  readonly url: string
  readonly database: FaultProxy
}

export async function startProcesses(
  database: TestDatabase,
  count: number,
  realm: RealmExportOptions,
  clockOffsetsMs: readonly number[] = [],
): Promise<Processes> {
  const { dataDir, databaseUrl } = await database.create()
  const balancer = await startFaultProxy(0)
  const publicUrl = `http://localhost:${balancer.port}`
  const members: Member[] = []
  const agents: UserAgent[] = []
  const reimport = async (index: number, options: RealmExportOptions): Promise<void> => {
    const { server } = members[index] as Member
    const file = { name: 'realm.json', text: realmExport(options) }
    const result = await importRealm(server.importDeps, file, {}, server.ambient.clock.now())
    if (!result.ok) throw new Error(JSON.stringify(result.problems))
  }
  for (let index = 0; index < count; index++) {
    const member = await composeMember({
      dataDir,
      databaseUrl: databaseUrl ?? '',
      publicUrl,
      clockOffsetMs: clockOffsetsMs[index] ?? 0,
    })
    members.push(member)
    if (index === 0) await reimport(0, realm)
    await member.server.listen()
  }
  const issuer = `${publicUrl}/realms/${realm.realm ?? 'test'}`
  const through = async (index: number): Promise<void> => {
    balancer.retarget(Number(new URL((members[index] as Member).url).port))
    balancer.reset()
    // kept-alive connections of the browsers notice that they were closed
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await through(0)
  return {
    members,
    url: publicUrl,
    issuer,
    through,
    rp: (clientId) => relyingParty({ issuer, clientId }),
    browser() {
      const agent = createUserAgent()
      agents.push(agent)
      return agent
    },
    reimport,
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent[Symbol.asyncDispose]()
      for (const member of members) {
        member.database.heal()
        await member.server[Symbol.asyncDispose]()
        await member.database[Symbol.asyncDispose]()
      }
      await balancer[Symbol.asyncDispose]()
    },
  }
}

async function composeMember(at: {
  readonly dataDir: string
  readonly databaseUrl: string
  readonly publicUrl: string
  /** By how much the clock of its machine is ahead. */
  readonly clockOffsetMs: number
}): Promise<Member> {
  const through = new URL(at.databaseUrl)
  const database = await startFaultProxy(Number(through.port))
  through.port = String(database.port)
  const port = await freePort()
  const flags = {
    dev: 'true',
    port: String(port),
    url: at.publicUrl,
    data: at.dataDir,
    'database-url': through.href,
    'outbound-allow': ['127.0.0.1:*'],
  }
  const { settings } = loadSettings({ flags, env: {} })
  const secret = serverSecret(Buffer.alloc(32, 9))
  const clock = { ...systemClock, now: () => Date.now() + at.clockOffsetMs }
  const passwords = cheapPasswords()
  const server = await compose(settings, { ambient: systemAmbient({ clock }), secret, env: {}, passwords })
  return { server, url: `http://127.0.0.1:${port}`, database }
}
