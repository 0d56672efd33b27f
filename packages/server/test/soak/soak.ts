/**
 * `npm run soak -- [--minutes 30] [--database sqlite|postgres] [--people 4]`: people who sign in and out without a
 * pause, applications that flap, and what the server holds meanwhile: memory, file descriptors, connections, rows
 * that wait. Exit code 1 when something grows that should not (L-09, I16).
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Dialect } from '../../src/store/store.ts'
import { type CrashDatabase, createCrashDatabase } from '../crash/crash-database.ts'
import { createCrashHistory } from '../crash/crash-history.ts'
import { applications, startCrashLoad, usernamesFor } from '../crash/crash-load.ts'
import { startCrashServer } from '../crash/crash-server.ts'
import { freePort } from '../support/postgres.ts'
import { realmExport } from '../support/realm-export.ts'
import { type Behaviour, startReceiver } from '../support/receiver.ts'
import { growthOf, type Sample } from './growth.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    database: { type: 'string' },
    people: { type: 'string', default: '4' },
  },
})
const durationMs = Number(values.minutes) * 60_000
const personCount = Number(values.people)
const sampleEveryMs = Math.max(2000, durationMs / 120)
/** One application flaps, a round of moods at a time (F-17); the others are well. */
const flapping = 'chat'
const moods: readonly Behaviour[] = [200, 503, 200, 'reset', 204, 'hang', 200, 400]
const moodEveryMs = 10_000

for (const dialect of values.database ? [values.database as Dialect] : (['sqlite', 'postgres'] as const)) {
  if (!(await soak(dialect))) process.exitCode = 1
}

async function soak(dialect: Dialect): Promise<boolean> {
  await using database = await createCrashDatabase(dialect)
  await using receiver = await startReceiver()
  const port = await freePort()
  const realm = join(database.dataDir, 'realm.json')
  const clients = applications.map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) }))
  const usernames = usernamesFor(personCount)
  writeFileSync(realm, realmExport({ clients, usernames }))
  const flags = ['--port', String(port), '--log-level', 'error', ...database.flags, '--import-realm', realm]
  const server = await startCrashServer(flags)
  const history = createCrashHistory()
  try {
    const load = startCrashLoad({ issuer: `http://localhost:${port}/realms/test`, personCount, history })
    const samples: Sample[] = []
    const endsAt = performance.now() + durationMs
    while (performance.now() < endsAt) {
      const mood = Math.floor(performance.now() / moodEveryMs) % moods.length
      receiver.behave(flapping, moods[mood] ?? 200)
      await wait(sampleEveryMs)
      samples.push(await takeSample(server.pid, database))
    }
    receiver.behave(flapping, 200)
    await load.finish()
    return report(dialect, samples, history.sessions.length, history.surprises, receiver.received.length)
  } finally {
    await server.kill('SIGTERM')
  }
}

async function takeSample(pid: number, database: CrashDatabase): Promise<Sample> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const connections = database.postgres
    ? await database.query<{ n: string }>(
        "select count(*) as n from pg_stat_activity where application_name like 'curfew%'",
      )
    : []
  const [waiting] = await database.query<{ n: string | number }>(
    "select count(*) as n from delivery where state in ('pending', 'leased')",
  )
  return {
    residentMib: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024,
    fileDescriptorCount: readdirSync(`/proc/${pid}/fd`).length,
    connectionCount: Number(connections[0]?.n ?? 0),
    waitingCount: Number(waiting?.n),
  }
}

function report(
  dialect: Dialect,
  samples: readonly Sample[],
  sessionCount: number,
  surprises: readonly string[],
  toldCount: number,
): boolean {
  const growth = growthOf(samples)
  console.log(
    `${values.minutes} minutes on ${dialect}: ${sessionCount} sign-outs, ${toldCount} requests received`,
  )
  for (const { name, before, after, isFlat } of growth) {
    console.log(
      `  ${name.padEnd(22)} ${before.toFixed(1).padStart(9)} → ${after.toFixed(1).padStart(9)}  ${isFlat ? 'flat' : 'GROWS'}`,
    )
  }
  for (const surprise of surprises.slice(0, 5)) console.log(`  nobody expects: ${surprise}`)
  return surprises.length === 0 && growth.every(({ isFlat }) => isFlat)
}
