/**
 * `npm run prove:model [-- --runs 10000] [--steps 40]`: what is claimed of the formal model (docs/model.md). Random
 * runs of the right model, which must hold; of the wrong variants, which must not; and, where TLC is at hand, every
 * state of all of them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { checkEveryState, writeForTlc } from './check-every-state.ts'
import { isWrong, simulate, smallVariants, type WrongVariant, wrongVariantNames } from './quint.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10000' }, steps: { type: 'string', default: '40' } },
})
const runCount = Number(values.runs)
const stepCount = Number(values.steps)

function say(isRight: boolean, text: string): void {
  console.log(`${isRight ? 'ok    ' : 'FAILED'}  ${text}`)
  if (!isRight) process.exitCode = 1
}

/** One process for each core: Quint's simulator uses one. */
async function proveByChance(): Promise<void> {
  const startedAt = performance.now()
  const processCount = availableParallelism()
  const share = { variant: 'curfew', runCount: Math.ceil(runCount / processCount), stepCount } as const
  const parts = await Promise.all(Array.from({ length: processCount }, () => simulate(share)))
  const toldCount = parts.reduce((sum, part) => sum + part.toldCount, 0)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  const ran = share.runCount * processCount
  say(
    parts.every(({ broken, hasDeadEnd }) => broken.length === 0 && !hasDeadEnd),
    `${ran} runs of ${stepCount} steps: no invariant broken, no dead end, everyone told in ${toldCount} (${seconds} s)`,
  )
  for (const { broken, output } of parts) if (broken.length > 0) console.log(output)
}

async function refuteByChance(variant: WrongVariant): Promise<void> {
  const { broken } = await simulate({ variant, runCount, stepCount })
  say(broken.length > 0, `${variant} is refuted: ${broken.join(', ')}`)
}

async function proveEveryState(jar: string): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-model-'))
  try {
    const variants = [...wrongVariantNames, ...smallVariants]
    await writeForTlc(folder, variants)
    for (const variant of variants) {
      const startedAt = performance.now()
      const { broken, stateCount, stepCount: depth, output } = await checkEveryState(jar, folder, variant)
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
      const found = broken === undefined ? 'nothing is broken' : `broken: ${broken}`
      say(
        (broken === undefined) !== isWrong(variant),
        `every state of ${variant}: ${found} (${stateCount} states, ${depth} steps deep, ${seconds} s)`,
      )
      if (broken !== undefined) console.log(output.slice(output.indexOf('Error:')))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

await proveByChance()
for (const variant of wrongVariantNames) await refuteByChance(variant)
const jar = process.env['TLA2TOOLS_JAR']
if (jar) await proveEveryState(jar)
else
  console.log(
    'not run every state: it needs Java, and TLA2TOOLS_JAR=… for TLC (docs/model.md says where to get it)',
  )
