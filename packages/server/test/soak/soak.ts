/**
 * `npm run soak -- [--minutes 30] [--database sqlite|postgres] [--sessions-per-second 6]`: people who sign in at three
 * applications and out again (some 17 requests each), one application that flaps, on both databases side by side, and
 * what the server holds meanwhile: memory, file descriptors, connections, rows. Exit code 1 when something grows that
 * should not (L-09, I16).
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Dialect } from '../../src/store/store.ts'
import { createCrashDatabase } from '../crash/crash-database.ts'
import { createCrashHistory } from '../crash/crash-history.ts'
import { applications, startCrashLoad, usernamesFor } from '../crash/crash-load.ts'
import { startCrashServer } from '../crash/crash-server.ts'
import { printFigure } from '../support/figure.ts'
import { freePort } from '../support/postgres.ts'
import { realmExport } from '../support/realm-export.ts'
import { type Behaviour, startReceiver } from '../support/receiver.ts'
import { growthOf, isFlat, type Sample } from './growth.ts'
import { readTableSizes } from './table-sizes.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    database: { type: 'string' },
    'sessions-per-second': { type: 'string', default: '6' },
  },
})
const durationMs = Number(values.minutes) * 60_000
const sessionsPerSecond = Number(values['sessions-per-second'])
const personCount = 4
/** Long enough for what waits to settle, and forgotten before the second third begins. */
const memoryMs = Math.min(120_000, durationMs / 6)
/** Below that, Node's memory still warms up in the second third. */
const judgedFromMinutes = 10
const sampleEveryMs = Math.max(2000, durationMs / 120)
/** One application flaps, a round of moods at a time (F-17); the others are well. */
const flapping = 'chat'
const moods: readonly Behaviour[] = [200, 503, 200, 'reset', 204, 'hang', 200, 400]
const moodEveryMs = 10_000

const dialects: readonly Dialect[] = values.database ? [values.database as Dialect] : ['sqlite', 'postgres']
const verdicts = await Promise.all(dialects.map(soak))
if (verdicts.includes(false)) process.exitCode = 1

async function soak(dialect: Dialect): Promise<boolean> {
  await using database = await createCrashDatabase(dialect)
  await using receiver = await startReceiver()
  const port = await freePort()
  const realm = join(database.dataDir, 'realm.json')
  const clients = applications.map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) }))
  writeFileSync(realm, realmExport({ clients, usernames: usernamesFor(personCount) }))
  const flags = ['--port', String(port), '--log-level', 'error', ...database.flags, '--import-realm', realm]
  const script = join(import.meta.dirname, 'server-that-forgets.ts')
  const server = await startCrashServer(flags, { script, env: { SOAK_MEMORY_MS: String(memoryMs) } })
  const history = createCrashHistory()
  const issuer = `http://localhost:${port}/realms/test`
  const load = startCrashLoad({ issuer, personCount, history, sessionsPerSecond })
  try {
    const samples: Sample[] = []
    const endsAt = performance.now() + durationMs
    while (performance.now() < endsAt) {
      const mood = Math.floor(performance.now() / moodEveryMs) % moods.length
      receiver.behave(flapping, moods[mood] ?? 200)
      await wait(sampleEveryMs)
      samples.push({ ...readProcess(server.pid), ...(await readTableSizes(database)) })
    }
    receiver.behave(flapping, 200)
    await load.finish()
    return report(dialect, samples, history.sessions.length, history.surprises)
  } catch (error) {
    throw new Error(`the run broke: ${String(error)}\n${server.errors()}`, { cause: error })
  } finally {
    await server.kill('SIGTERM')
  }
}

function readProcess(pid: number): Pick<Sample, 'residentMib' | 'fileDescriptorCount'> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    residentMib: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024,
    fileDescriptorCount: readdirSync(`/proc/${pid}/fd`).length,
  }
}

function report(
  dialect: Dialect,
  samples: readonly Sample[],
  sessionCount: number,
  surprises: readonly string[],
): boolean {
  const growths = growthOf(samples)
  const isLong = Number(values.minutes) >= judgedFromMinutes
  const of = `soak of ${values.minutes} minutes`
  printFigure({ title: `${of}: sign-outs`, dialect, value: sessionCount, unit: '' })
  for (const { title, level, levelUnit, growth, growthUnit, growthMax } of growths) {
    printFigure({ title: `${of}: ${title}`, dialect, value: level, unit: levelUnit })
    const grown = { title: `${of}: ${title}, growth`, dialect, value: growth, unit: growthUnit }
    printFigure(isLong ? { ...grown, bar: { atMost: growthMax } } : grown)
  }
  const unexpected = { title: `${of}: answers that nobody expects`, unit: '', bar: { atMost: 0 } }
  printFigure({ ...unexpected, dialect, value: surprises.length })
  for (const surprise of surprises.slice(0, 5)) console.log(`  nobody expects: ${surprise}`)
  return surprises.length === 0 && (!isLong || growths.every(isFlat))
}
