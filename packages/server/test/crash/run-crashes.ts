/**
 * kill -9 of the real server under load, again and again on the same database, with applications that outlive it
 * (delivery.md, crash tests). At the end everything settles, and what was acknowledged is compared with what was
 * told.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Dialect } from '../../src/store/store.ts'
import { freePort } from '../support/postgres.ts'
import { realmExport } from '../support/realm-export.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type CrashDatabase, createCrashDatabase } from './crash-database.ts'
import { type CrashHistory, type CrashVerdict, checkHistory, createCrashHistory } from './crash-history.ts'
import { applications, startCrashLoad, usernamesFor } from './crash-load.ts'
import { type CrashServer, startCrashServer } from './crash-server.ts'
import { readStoredMembers, readTold, untilSettled } from './final-state.ts'
import { type Kill, planKills } from './plan-kills.ts'

export interface CrashRun {
  readonly dialect: Dialect
  readonly killCount: number
  readonly seed: number
  /** People at once, default 8. */
  readonly personCount?: number
  /** As many as the people can by default. */
  readonly sessionsPerSecond?: number | undefined
  readonly onKill?: (index: number, kill: Kill, hit: boolean) => void
}

export interface CrashReport extends CrashVerdict {
  readonly history: CrashHistory
  readonly kills: Readonly<Record<Kill['kind'], number>>
  /** Gates that nobody came to in time; the process was killed there by the clock instead. */
  readonly missedGates: readonly string[]
  /** Deliveries without a verdict at the end. */
  readonly unsettledCount: number
  /** Sessions with more than one sign-out of their own (R6, R12). */
  readonly doubleSignOutCount: number
  readonly seconds: number
}

const gateWaitMs = 5000
const acknowledgeLimitMs = 30_000

export async function runCrashes(run: CrashRun): Promise<CrashReport> {
  const startedAt = performance.now()
  const { personCount = 8, sessionsPerSecond } = run
  await using database = await createCrashDatabase(run.dialect)
  await using receiver = await startReceiver()
  const port = await freePort()
  const flags = ['--port', String(port), '--log-level', 'error', ...database.flags]
  const history = createCrashHistory()
  let server = await startCrashServer([
    ...flags,
    '--import-realm',
    writeRealm(database, receiver, personCount),
  ])
  const issuer = `http://localhost:${port}/realms/test`
  const load = startCrashLoad({ issuer, personCount, history, sessionsPerSecond })
  const kills = { timed: 0, gate: 0, postgres: 0 }
  const missedGates: string[] = []
  try {
    for (const [index, kill] of planKills(run.killCount, run.dialect, run.seed).entries()) {
      kills[kill.kind] += 1
      if (kill.kind === 'gate') await server.kill('SIGTERM')
      if (server.hasEnded())
        server = await startCrashServer(flags, { cliff: kill.kind === 'gate' ? kill.cliff : undefined })
      const hit = await carryOut(kill, database, server)
      if (kill.kind === 'gate' && !hit) missedGates.push(kill.cliff.gate)
      run.onKill?.(index, kill, hit)
    }
    if (server.hasEnded()) server = await startCrashServer(flags)
    await untilAcknowledged(history)
    await load.finish()
    const unsettledCount = await untilSettled(database)
    const stored = await readStoredMembers(database)
    return {
      ...checkHistory(history, readTold(receiver), stored),
      history,
      kills,
      missedGates,
      unsettledCount,
      doubleSignOutCount: stored.filter(({ signOutCount }) => Number(signOutCount) > 1).length,
      seconds: (performance.now() - startedAt) / 1000,
    }
  } catch (error) {
    throw new Error(`the run broke: ${String(error)}\n${server.errors()}`, { cause: error })
  } finally {
    await server.kill()
  }
}

/** Returns whether it was hit as planned; a gate that nobody comes to is replaced by the clock. */
async function carryOut(kill: Kill, { postgres }: CrashDatabase, server: CrashServer): Promise<boolean> {
  switch (kill.kind) {
    case 'timed':
      await wait(kill.afterMs)
      await server.kill()
      return true
    case 'postgres':
      await wait(kill.afterMs)
      await postgres?.kill()
      await wait(200)
      await postgres?.restart()
      return true
    case 'gate': {
      const fell = await Promise.race([server.ended.then(() => true), wait(gateWaitMs, false)])
      await server.kill()
      return fell
    }
  }
}

/** A short run on a busy machine may have killed everybody before the first sign-out; without one it proves nothing. */
async function untilAcknowledged({ sessions }: CrashHistory): Promise<void> {
  const giveUpAt = performance.now() + acknowledgeLimitMs
  while (!sessions.some(({ isAcknowledged }) => isAcknowledged) && performance.now() < giveUpAt)
    await wait(50)
}

function writeRealm({ dataDir }: CrashDatabase, receiver: Receiver, personCount: number): string {
  const file = join(dataDir, 'realm.json')
  const clients = applications.map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) }))
  const usernames = usernamesFor(personCount)
  writeFileSync(file, realmExport({ clients, usernames }))
  return file
}
