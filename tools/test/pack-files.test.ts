import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { dealOut, packFiles } from './pack-files.ts'

test('every file is in one pack, or alone', (t) => {
  const { root, write } = folderFor(t)
  const plain = Array.from({ length: 8 }, (_, index) => write(`plain-${index}.test.mjs`, ''))
  const alone = [
    write('process.test.mjs', "import { spawn } from 'node:child_process'"),
    write('waits.test.mjs', "const text = await readFile('x')"),
  ]
  using packed = packFiles(root, [...plain, ...alone])
  const packs = packed.files.slice(0, 2).map((file) => readFileSync(file, 'utf8'))
  for (const file of plain)
    assert.equal(packs.filter((text) => text.includes(`/${file}'`)).length, 1, `${file} is in one pack`)
  assert.deepEqual(packed.files.slice(2), alone)
})

test('everything that is dealt out is dealt out once', () => {
  assert.deepEqual(dealOut([1, 2, 3, 4, 5], 2), [
    [1, 3, 5],
    [2, 4],
  ])
})

test('the tests of a pack all run, and one that fails makes the pack fail', async (t) => {
  const { root, write } = folderFor(t)
  const good = write('good.test.mjs', planted("test('the good one', () => undefined)"))
  const bad = write('bad.test.mjs', planted("test('the bad one', () => { throw new Error('bad') })"))
  assert.deepEqual(await statusOf(root, [good]), { status: 0, passed: 1, failed: 0 })
  assert.deepEqual(await statusOf(root, [good, bad]), { status: 1, passed: 1, failed: 1 })
})

test('a pack that ends before its last file is loaded fails', async (t) => {
  const { root, write } = folderFor(t)
  const good = write('good.test.mjs', planted("test('the good one', () => undefined)"))
  const late = write('late.test.mjs', '  await new Promise((resolve) => setTimeout(resolve, 5000).unref())')
  assert.notEqual((await statusOf(root, [good, late])).status, 0)
})

const planted = (body: string): string => `import { test } from 'node:test'\n${body}\n`

function folderFor(t: TestContext) {
  const root = mkdtempSync(path.join(tmpdir(), 'curfew-test-'))
  t.after(() => rmSync(root, { recursive: true }))
  return {
    root,
    write(name: string, text: string): string {
      writeFileSync(path.join(root, name), text)
      return name
    },
  }
}

async function statusOf(root: string, files: readonly string[]) {
  using packed = packFiles(root, files)
  const args = ['--test', '--test-force-exit', '--test-reporter=tap', ...packed.files]
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
  return await new Promise<{ status: number; passed: number; failed: number }>((resolve) => {
    execFile(process.execPath, args, { env, timeout: 20_000 }, (error, stdout) => {
      const count = (what: string): number => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(stdout)?.[1])
      resolve({ status: error ? 1 : 0, passed: count('pass'), failed: count('fail') })
    })
  })
}
