/**
 * `npm run upgrade -- [--pending 10000] [--database sqlite|postgres] [--phase-seconds 5]`: a newer version takes over
 * and is taken back under load, with so many deliveries waiting. Exit code 1 when anybody was lost or stuck.
 */
import { parseArgs } from 'node:util'
import type { Dialect } from '../../src/store/store.ts'
import { printFigure } from '../support/figure.ts'
import { waves } from './backlog.ts'
import { faultsOf, runUpgrade, type UpgradeReport } from './run-upgrade.ts'

const { values } = parseArgs({
  options: {
    pending: { type: 'string', default: '10000' },
    database: { type: 'string' },
    'phase-seconds': { type: 'string', default: '5' },
  },
})
const dialects: readonly Dialect[] = values.database ? [values.database as Dialect] : ['sqlite', 'postgres']

for (const dialect of dialects) {
  const report = await runUpgrade({
    dialect,
    waitingSessionCount: Math.ceil(Number(values.pending) / waves.length),
    personCount: 8,
    phaseMs: Number(values['phase-seconds']) * 1000,
  })
  print(dialect, report)
  if (faultsOf(report).some(([, count]) => count > 0)) process.exitCode = 1
}

/** What must be none, on a line each with its bar; the rest for the reader. */
function print(dialect: Dialect, report: UpgradeReport): void {
  const { history } = report
  const context: readonly (readonly [string, number])[] = [
    ...report.waitingAtChange.map((count, index) => [`waiting at change ${index + 1}`, count] as const),
    ...Object.entries(report.acknowledgedBy).map(
      ([name, count]) => [`signed out by ${name}`, count] as const,
    ),
    ['told more than once', report.duplicateCount],
    ['answers 503 and 429', history.unavailableCount + history.limitedCount],
    ['seconds', Math.round(report.seconds)],
  ]
  for (const [title, value] of context) printFigure({ title: `upgrade: ${title}`, dialect, value, unit: '' })
  for (const [title, value] of faultsOf(report))
    printFigure({ title: `upgrade: ${title}`, dialect, value, unit: '', bar: { atMost: 0 } })
  for (const surprise of history.surprises.slice(0, 10)) console.log(`    ${surprise}`)
}
