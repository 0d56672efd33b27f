import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Supervised, supervise } from './supervise.ts'

const waits = 'console.error("a line of trouble"); console.log("ready to serve"); setInterval(() => {}, 1000)'

function supervised(t: TestContext, script: string): Supervised & { log(): string; trouble: string[] } {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-test-'))
  const logFile = path.join(folder, 'log')
  const trouble: string[] = []
  const child = supervise({
    command: process.execPath,
    args: ['-e', script],
    env: process.env,
    readyLine: /^ready to/,
    logFile,
    onTrouble: (text) => trouble.push(text),
  })
  t.after(async () => {
    await child.stop()
    rmSync(folder, { recursive: true })
  })
  return Object.assign(Object.create(child) as Supervised, {
    log: () => readFileSync(logFile, 'utf8'),
    trouble,
  })
}

test('a supervised process is started, stopped and started again, and both outputs go to its log', async (t) => {
  const one = supervised(t, waits)
  assert.equal(one.isRunning, false)
  await one.start()
  await one.start()
  assert.equal(one.isRunning, true)
  await one.stop()
  assert.equal(one.isRunning, false)
  await one.start()
  await one.stop()
  await one.stop()
  assert.equal(one.log().match(/ready to serve/g)?.length, 2)
  assert.match(one.log(), /a line of trouble/)
  assert.deepEqual(one.trouble, [])
})

test('a process that ends before it is ready is a failure that names its log', async (t) => {
  await assert.rejects(supervised(t, 'process.exit(3)').start(), /ended before it was ready; .*log says why/)
})

test('a process that ends by itself is reported', async (t) => {
  const one = supervised(t, 'console.log("ready to end"); setTimeout(() => process.exit(4), 50)')
  await one.start()
  await one.ended
  assert.match(one.trouble[0] ?? '', /ended by itself \(code 4\)/)
  assert.equal(one.isRunning, false)
})
