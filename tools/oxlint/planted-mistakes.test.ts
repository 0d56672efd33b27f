import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

const root = path.resolve(import.meta.dirname, '../..')
const planted = 'tools/oxlint/planted-mistakes.ts'

interface Config {
  readonly ignorePatterns: readonly string[]
}

interface Report {
  readonly diagnostics: readonly { code: string; labels: readonly { span: { line: number } }[] }[]
}

test('oxlint reports every mistake that was planted, on its line, and nothing else', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { ignorePatterns, ...config } = JSON.parse(
    readFileSync(path.join(root, '.oxlintrc.json'), 'utf8'),
  ) as Config
  assert.deepEqual(ignorePatterns, [planted])
  writeFileSync(path.join(folder, 'oxlintrc.json'), JSON.stringify(config))
  const source = readFileSync(path.join(root, planted), 'utf8')

  const args = ['oxlint', '--type-aware', '--format=json', '-c', path.join(folder, 'oxlintrc.json'), planted]
  const run = spawnSync('npx', args, { cwd: root, encoding: 'utf8' })
  const report = JSON.parse(run.stdout) as Report

  const reported = report.diagnostics.map(({ code, labels }) => `${labels[0]?.span.line} ${ruleOf(code)}`)
  const expected = source.split('\n').flatMap((line, index) => {
    const rule = /\/\/ expect-next: ([a-z-]+)/.exec(line)?.[1]
    return rule ? [`${index + 2} ${rule}`] : []
  })
  assert.ok(expected.length >= 5)
  assert.deepEqual(reported.sort(), expected.sort())
  assert.equal(run.status, 1)
})

/** `typescript-eslint(no-floating-promises)` → `no-floating-promises`. */
function ruleOf(code: string): string {
  return /\(([^)]+)\)/.exec(code)?.[1] ?? code
}
