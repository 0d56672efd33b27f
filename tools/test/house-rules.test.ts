import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'

const loaded = ['promise-hooks.ts', 'house-rules.ts'].map((name) => path.join(import.meta.dirname, name))

test('a connection to another machine is refused in a test, by address and by name', async (t) => {
  const run = await runTest(
    t,
    `const error = await new Promise((resolve) => net.connect({ host: '192.0.2.1', port: 9 }).on('error', resolve))
     assert.equal(error.code, 'ENETUNREACH')
     const lookup = (name, options, done) => done(null, [{ address: '192.0.2.1', family: 4 }])
     const named = await new Promise((resolve) => net.connect({ host: 'a.example', port: 9, lookup }).on('error', resolve))
     assert.match(named.message, /may not leave this machine: a.example/)`,
  )
  assert.equal(run.status, 0, run.output)
})

test('a connection to this machine is made in a test', async (t) => {
  const server = net.createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const run = await runTest(
    t,
    `const text = await new Promise((resolve) => net.connect(${port}, 'localhost').on('data', resolve))
     assert.equal(String(text), 'hello')
     const again = await new Promise((resolve) => net.connect({ host: '127.0.0.1', port: ${port} }).on('data', resolve))
     assert.equal(String(again), 'hello')`,
  )
  assert.equal(run.status, 0, run.output)
})

test('a test file that leaves a server open fails and says so', async (t) => {
  const run = await runTest(t, 'await new Promise((resolve) => net.createServer().listen(0, resolve))')
  assert.equal(run.status, 1)
  assert.match(run.output, /left open: TCPServerWrap/)
})

test('a rejection that nobody handles fails the test file, and so does an error that is thrown later', async (t) => {
  for (const body of [
    "void Promise.resolve().then(() => { throw new Error('nobody handles it') }); await new Promise(setImmediate)",
    "setTimeout(() => { throw new Error('nobody handles it') }); await new Promise((resolve) => setTimeout(resolve, 50))",
  ]) {
    const run = await runTest(t, body)
    assert.equal(run.status, 1)
    assert.match(run.output, /nobody handles it/)
  }
})

/** Runs one test with this body in a process of its own, as `npm test` would. */
async function runTest(t: TestContext, body: string): Promise<{ status: number; output: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'planted.test.mjs')
  const imports = ['node:net', 'node:test', 'node:assert/strict'].map(
    (name, index) => `import ${['net', '{ test }', 'assert'][index]} from '${name}'`,
  )
  writeFileSync(file, `${imports.join('\n')}\ntest('a planted test', async () => {\n${body}\n})\n`)
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
  return await new Promise((resolve) => {
    const args = [...loaded.map((name) => `--import=${name}`), '--test', '--test-force-exit', file]
    execFile(process.execPath, args, { env, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ status: error ? 1 : 0, output: stdout + stderr }),
    )
  })
}
