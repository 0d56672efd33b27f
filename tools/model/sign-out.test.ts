/** The formal model cannot rot: it holds, its wrong variants do not, and it still names what is in the code. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { writeForTlc } from './check-every-state.ts'
import {
  eventually,
  invariants,
  model,
  simulate,
  smallVariants,
  wrongVariantNames,
  wrongVariants,
} from './quint.ts'

const serverSource = path.resolve(import.meta.dirname, '../../packages/server/src')

test('S-05, I1, I2, I4–I7, I12, I14: the formal model holds in random runs, and none of them ends early', async () => {
  const { broken, hasDeadEnd, toldCount, output } = await simulate({
    variant: 'curfew',
    runCount: 15,
    stepCount: 60,
  })
  assert.deepEqual(broken, [], output)
  assert.equal(hasDeadEnd, false, output)
  assert.equal(toldCount, 15, 'every run of 60 steps ends with a verdict for everyone (I4)')
})

for (const variant of wrongVariantNames) {
  const refutedBy = wrongVariants[variant]
  test(`the formal model's wrong variant ${variant} is refuted by ${refutedBy}`, async () => {
    const { broken, output } = await simulate({ variant, runCount: 10_000, stepCount: 40 })
    assert.deepEqual(broken, [refutedBy], output)
  })
}

test('each action of the formal model bears the name of a function in the first file that it cites', () => {
  const steps = /\/\*\*(?<comment>(?:(?!\*\/).)*)\*\/\s+(?:action|pure def) (?<name>\w+)/gs
  const cited = [...readFileSync(model, 'utf8').matchAll(steps)].flatMap(
    ({ groups: { comment = '', name = '' } = {} }) => {
      const files = comment.match(/[\w/-]+\.ts/g) ?? []
      return files.map((file, index) => ({ file, name: index === 0 ? name : '' }))
    },
  )
  assert.equal(cited.length, 11)
  const isMissing = ({ file, name }: { file: string; name: string }): boolean => {
    const at = path.join(serverSource, file)
    return !existsSync(at) || !new RegExp(`function ${name}`).test(readFileSync(at, 'utf8'))
  }
  assert.deepEqual(cited.filter(isMissing), [])
})

test('the formal model is written in TLA+ with the constants of each variant', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-model-'))
  try {
    await writeForTlc(folder, [...smallVariants, ...wrongVariantNames])
    const written = readFileSync(path.join(folder, 'core.tla'), 'utf8')
    for (const name of ['init', 'step', eventually, ...invariants])
      assert.match(written, new RegExp(`^${name} == `, 'm'))
    assert.match(readFileSync(path.join(folder, 'twoApplications.cfg'), 'utf8'), /^CONSTANT LOCKS = TRUE$/m)
    assert.match(readFileSync(path.join(folder, 'noLock.cfg'), 'utf8'), /^CONSTANT LOCKS = FALSE$/m)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
