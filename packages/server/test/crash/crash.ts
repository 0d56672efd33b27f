/**
 * `npm run crash -- [--kills 200] [--database sqlite|postgres] [--seed N]`: kills the real server that often on
 * each database and prints what was lost. Exit code 1 when anything was.
 */
import { parseArgs } from 'node:util'
import type { Dialect } from '../../src/store/store.ts'
import { type CrashReport, runCrashes } from './run-crashes.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    database: { type: 'string' },
    seed: { type: 'string' },
    quiet: { type: 'boolean', default: false },
  },
})
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
  print(report, killCount)
  return isBroken(report)
}

function print(report: CrashReport, kills: number): void {
  const { history } = report
  const rows: readonly (readonly [string, string | number])[] = [
    ['kills: timed / at a gate / PostgreSQL', Object.values(report.kills).join(' / ')],
    ['gates that nobody came to', [...new Set(report.missedGates)].join(', ') || 0],
    ['sign-outs acknowledged', report.acknowledgedCount],
    ['applications to tell', report.memberCount],
    ['LOST (acknowledged, never told)', report.lost.length],
    ['told without being asked (I3)', report.unasked.length],
    ['doors open after the acknowledgement (I1)', history.openDoors.length],
    ['doors found closed', history.refusedProbeCount],
    ['sessions with two sign-outs (R12)', report.doubleSignOutCount],
    ['deliveries without a verdict', report.unsettledCount],
    ['duplicates, per kill', `${report.duplicateCount}, ${(report.duplicateCount / kills).toFixed(2)}`],
    ['tokens sent twice (I8)', report.repeatedTokens.length],
    ['answers 503 / 429', `${history.unavailableCount} / ${history.limitedCount}`],
    ['answers nobody expects', history.surprises.length],
    ['seconds', report.seconds.toFixed(0)],
  ]
  for (const [label, value] of rows) console.log(`  ${label.padEnd(42)} ${value}`)
  for (const surprise of history.surprises.slice(0, 10)) console.log(`    ${surprise}`)
}

function isBroken({
  lost,
  unasked,
  history,
  unsettledCount,
  doubleSignOutCount,
  repeatedTokens,
}: CrashReport): boolean {
  const faults = [lost, unasked, history.openDoors, history.surprises, repeatedTokens]
  return unsettledCount > 0 || doubleSignOutCount > 0 || faults.some((list) => list.length > 0)
}
