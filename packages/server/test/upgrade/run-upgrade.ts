/**
 * A newer version comes beside the old one, takes over, and is taken back, while people sign in and out through
 * whichever is there and a backlog waits (R25, C-06). On the embedded database one process follows the other.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Dialect } from '../../src/store/store.ts'
import { type CrashDatabase, createCrashDatabase } from '../crash/crash-database.ts'
import {
  type CrashHistory,
  type CrashVerdict,
  checkHistory,
  createCrashHistory,
} from '../crash/crash-history.ts'
import { applications, startCrashLoad, usernamesFor } from '../crash/crash-load.ts'
import { type CrashServer, startCrashServer } from '../crash/crash-server.ts'
import { readStoredMembers, readTold, untilSettled } from '../crash/final-state.ts'
import { adminEnvironment } from '../support/administrator.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { freePort } from '../support/postgres.ts'
import { realmExport } from '../support/realm-export.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import {
  backlogRealm,
  countWaiting,
  endSessions,
  letGo,
  waitingMembers,
  waves,
  writeSessions,
} from './backlog.ts'
import { makeNextBuild } from './make-next-build.ts'

export interface UpgradeRun {
  readonly dialect: Dialect
  /** Sessions of the backlog; each has three deliveries. */
  readonly waitingSessionCount: number
  readonly personCount: number
  /** As many as the people can by default. */
  readonly sessionsPerSecond?: number | undefined
  /** How long both versions work side by side, and each alone. */
  readonly phaseMs: number
}

export interface UpgradeReport extends CrashVerdict {
  readonly history: CrashHistory
  /** Members of the backlog that were never told. */
  readonly lostOfBacklog: readonly string[]
  readonly unsettledCount: number
  /** Sessions that were signed out while the version in the name was there. */
  readonly acknowledgedBy: Readonly<Record<string, number>>
  /** What waited when each change of version began. */
  readonly waitingAtChange: readonly number[]
  /** As each server says itself. */
  readonly versions: readonly string[]
  /** 0 for each server that was asked to end. */
  readonly exitCodes: readonly (number | null)[]
  readonly seconds: number
}

const phaseTurnMs = 50
const phaseTurnMax = 600

export async function runUpgrade(run: UpgradeRun): Promise<UpgradeReport> {
  const startedAt = performance.now()
  const { personCount, phaseMs, waitingSessionCount, sessionsPerSecond } = run
  using next = makeNextBuild({ isBreaking: false })
  await using database = await createCrashDatabase(run.dialect)
  await using receiver = await startReceiver()
  await using balancer = await startBalancer()
  await writeSessions({ dataDir: database.dataDir, databaseUrl: database.postgres?.url }, waitingSessionCount)
  const url = `http://localhost:${balancer.port}`
  await using fleet = fleetOn(database, balancer, url)
  await fleet.bring('old', undefined, ['--import-realm', ...writeRealms(database, receiver, personCount)])
  const history = createCrashHistory()
  const load = startCrashLoad({ issuer: `${url}/realms/test`, personCount, history, sessionsPerSecond })
  const waitingAtChange: number[] = []
  const acknowledgedBy: Record<string, number> = {}
  let counted = 0
  const countAcknowledged = (): number => history.sessions.filter((session) => session.isAcknowledged).length
  // a busy machine may not sign anybody out in that time, and a phase without a sign-out proves nothing
  const phase = async (name: string): Promise<void> => {
    await wait(phaseMs)
    for (let turn = 0; turn < phaseTurnMax && countAcknowledged() === counted; turn++) await wait(phaseTurnMs)
    acknowledgedBy[name] = countAcknowledged() - counted
    counted = countAcknowledged()
  }
  await endSessions(url, database, waitingSessionCount)
  await phase('old')
  for (const [from, to, build, wave] of [
    ['old', 'new', next.main, waves[0]],
    ['new', 'rolled back', undefined, waves[1]],
  ] as const) {
    waitingAtChange.push(await countWaiting(database))
    if (run.dialect === 'postgres') {
      await fleet.bring(to, build)
      await letGo(database, wave)
      await phase(`${from} and ${to}`)
      await fleet.end(from)
    } else {
      await letGo(database, wave)
      await fleet.end(from)
      await fleet.bring(to, build)
    }
    await phase(to)
  }
  await letGo(database, waves[2])
  await load.finish()
  const unsettledCount = await untilSettled(database)
  const told = readTold(receiver)
  const toldKeys = new Set(told.map(({ clientId, sid }) => `${clientId}/${sid}`))
  return {
    ...checkHistory(history, told, await readStoredMembers(database)),
    history,
    lostOfBacklog: waitingMembers(waitingSessionCount).filter((key) => !toldKeys.has(key)),
    unsettledCount,
    acknowledgedBy,
    waitingAtChange,
    versions: fleet.versions,
    exitCodes: fleet.exitCodes,
    seconds: (performance.now() - startedAt) / 1000,
  }
}

interface Fleet extends AsyncDisposable {
  readonly versions: readonly string[]
  readonly exitCodes: readonly (number | null)[]
  bring(name: string, build: string | undefined, flags?: readonly string[]): Promise<void>
  /** SIGTERM. */
  end(name: string): Promise<void>
}

function fleetOn(database: CrashDatabase, balancer: Balancer, url: string): Fleet {
  const servers = new Map<string, CrashServer & { readonly port: number }>()
  const versions: string[] = []
  const exitCodes: (number | null)[] = []
  const common = [
    ...database.flags,
    ...['--url', url, '--log-level', 'error', '--outbound-allow', '127.0.0.1:*'],
    // the backlog is to be over in seconds
    ...['--delivery-rate-per-second-max', '2000', '--delivery-leased-count-max', '16'],
  ]
  const balance = (): void => balancer.serve([...servers.values()].map(({ port }) => port))
  return {
    versions,
    exitCodes,
    async bring(name, build, flags = []) {
      const port = await freePort()
      const args = [...common, '--port', String(port), ...flags]
      const server = await startCrashServer(args, {
        ...(build ? { script: build } : {}),
        env: adminEnvironment,
      })
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      versions.push(/^curfew_build_info\{version="([^"]+)"\}/m.exec(metrics)?.[1] ?? '')
      servers.set(name, { ...server, port })
      balance()
    },
    async end(name) {
      const server = servers.get(name)
      servers.delete(name)
      balance()
      exitCodes.push((await server?.kill('SIGTERM')) ?? null)
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers.values()) await server.kill()
    },
  }
}

function writeRealms({ dataDir }: CrashDatabase, receiver: Receiver, personCount: number): readonly string[] {
  const told = (clientId: string) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) })
  const usernames = usernamesFor(personCount)
  const realms = {
    test: realmExport({ clients: applications.map(told), usernames }),
    backlog: realmExport({ ...backlogRealm, clients: waves.map(told) }),
  }
  return Object.entries(realms).map(([name, text]) => {
    const file = join(dataDir, `${name}-realm.json`)
    writeFileSync(file, text)
    return file
  })
}

/** What must be none. */
export function faultsOf(report: UpgradeReport): readonly (readonly [string, number])[] {
  const { history } = report
  return [
    ['acknowledged, and an application was never told', report.lost.length],
    ['waited, and an application was never told', report.lostOfBacklog.length],
    ['told without being asked (I3)', report.unasked.length],
    ['doors open after the acknowledgement (I1)', history.openDoors.length],
    ['deliveries without a verdict', report.unsettledCount],
    ['tokens sent twice (I8)', report.repeatedTokens.length],
    ['answers that nobody expects', history.surprises.length],
  ]
}
