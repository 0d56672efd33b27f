import assert from 'node:assert/strict'
import { test } from 'node:test'
import { version } from '../../src/compose/version.ts'
import { createCrashDatabase } from '../crash/crash-database.ts'
import { startCrashServer } from '../crash/crash-server.ts'
import { forEachDatabase } from '../support/database.ts'
import { freePort } from '../support/postgres.ts'
import { makeNextBuild, nextMigrationName, nextVersion } from './make-next-build.ts'
import { faultsOf, runUpgrade } from './run-upgrade.ts'

forEachDatabase('R25, C-06: a newer version', ({ dialect }) => {
  test('comes, takes over and is taken back under load: nobody who was acknowledged is lost, stuck, or told twice', async () => {
    const report = await runUpgrade({
      dialect,
      waitingSessionCount: 100,
      personCount: 3,
      sessionsPerSecond: 10,
      phaseMs: 600,
    })
    const { history, waitingAtChange } = report
    assert.deepEqual(history.surprises, [])
    assert.deepEqual(
      faultsOf(report).filter(([, count]) => count > 0),
      [],
    )
    assert.equal(report.duplicateCount, 0)
    assert.deepEqual(report.versions, [version, nextVersion, version])
    assert.deepEqual(report.exitCodes, [0, 0])
    // a third is let go at each change; the others cross it
    assert.equal(waitingAtChange[0], 300)
    assert.ok((waitingAtChange[1] ?? 0) >= 200)
    for (const [name, count] of Object.entries(report.acknowledgedBy))
      assert.ok(count > 0, `nobody was signed out by ${name}`)
  })

  test('that breaks the schema is refused with its code while the old one lives, comes when that has ended, and keeps the old one out', {
    skip: dialect === 'sqlite' && 'its one process holds the lock of the folder',
  }, async () => {
    using breaking = makeNextBuild({ isBreaking: true })
    await using database = await createCrashDatabase(dialect)
    const start = async (build?: string) => {
      const flags = [...database.flags, '--port', String(await freePort())]
      return await startCrashServer(flags, build === undefined ? {} : { script: build })
    }
    const old = await start()
    await assert.rejects(start(breaking.main), /CURFEW_STORE_MIGRATION_REFUSED/)
    assert.equal(await countNext(), 0, 'nothing was changed')
    assert.equal(await old.kill('SIGTERM'), 0)
    const next = await start(breaking.main)
    assert.equal(await countNext(), 1)
    await next.kill('SIGTERM')
    await assert.rejects(start(), new RegExp(`${nextMigrationName}[\\s\\S]*CURFEW_STORE_TOO_NEW`))

    async function countNext(): Promise<number> {
      const text = `select count(*) as n from schema_migration where name = '${nextMigrationName}'`
      return Number((await database.query<{ n: number | string }>(text))[0]?.n)
    }
  })
})
