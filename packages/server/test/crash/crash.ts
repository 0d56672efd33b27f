/**
 * `npm run crash -- [--kills 200] [--database sqlite|postgres] [--seed N]`: kills the real server that often on
 * each database and prints what was lost. Exit code 1 when anything was.
 */
import { parseArgs } from 'node:util'
import type { Dialect } from '../../src/store/store.ts'
import { printFigure } from '../support/figure.ts'
import { type CrashReport, runCrashes } from './run-crashes.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    database: { type: 'string' },
    seed: { type: 'string' },
    quiet: { type: 'boolean', default: false },
  },
})
/** C-01. */
const duplicatesPerKillMax = 25
const killCount = Number(values.kills)
const seed = values.seed === undefined ? process.pid : Number(values.seed)
const dialects: readonly Dialect[] = values.database ? [values.database as Dialect] : ['sqlite', 'postgres']

// side by side: most of a run is waiting for restarts and for leases of the dead
const broken = await Promise.all(dialects.map(run))
if (broken.includes(true)) process.exitCode = 1

async function run(dialect: Dialect): Promise<boolean> {
  const report = await runCrashes({
    dialect,
    killCount,
    seed,
    onKill(index, kill, hit) {
      if (values.quiet) return
      const at = kill.kind === 'gate' ? `${kill.cliff.gate} #${kill.cliff.arrival}` : `${kill.afterMs} ms`
      console.log(
        `  ${dialect.padEnd(8)} ${String(index + 1).padStart(4)}  ${kill.kind.padEnd(8)} ${at}${hit ? '' : '  (nobody came)'}`,
      )
    },
  })
  console.log(`${killCount} kills on ${dialect}, seed ${seed}`)
  print(report, dialect)
  return faultsOf(report).some(([, count]) => count > 0)
}

/** What must be none, on a line each with its bar; the rest for the reader. */
function print(report: CrashReport, dialect: Dialect): void {
  const { history } = report
  const of = `${killCount} kills`
  const context: readonly (readonly [string, number])[] = [
    ['at a time', report.kills.timed],
    ['at a gate', report.kills.gate],
    ['of PostgreSQL', report.kills.postgres],
    ['sign-outs acknowledged', report.acknowledgedCount],
    ['applications to tell', report.memberCount],
    ['doors found closed', history.refusedProbeCount],
    ['answers 503 and 429', history.unavailableCount + history.limitedCount],
    ['seconds', Math.round(report.seconds)],
  ]
  for (const [title, value] of context) printFigure({ title: `${of}: ${title}`, dialect, value, unit: '' })
  printFigure({
    title: `${of}: told more than once, per kill (C-01)`,
    dialect,
    value: report.duplicateCount / killCount,
    unit: '',
    bar: { atMost: duplicatesPerKillMax },
  })
  for (const [title, count] of faultsOf(report)) {
    printFigure({ title: `${of}: ${title}`, dialect, value: count, unit: '', bar: { atMost: 0 } })
  }
  for (const gate of new Set(report.missedGates)) console.log(`    nobody came to ${gate} in time`)
  for (const surprise of history.surprises.slice(0, 10)) console.log(`    ${surprise}`)
}

function faultsOf(report: CrashReport): readonly (readonly [string, number])[] {
  const { history } = report
  return [
    ['acknowledged sign-outs of which an application was never told', report.lost.length],
    ['told without being asked (I3)', report.unasked.length],
    ['doors open after the acknowledgement (I1)', history.openDoors.length],
    ['sessions with two sign-outs (R12)', report.doubleSignOutCount],
    ['deliveries without a verdict', report.unsettledCount],
    ['tokens sent twice (I8)', report.repeatedTokens.length],
    ['answers that nobody expects', history.surprises.length],
  ]
}
