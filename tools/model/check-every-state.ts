/**
 * Visits every state of the model, with TLC, and asks beside the invariants whether a verdict comes in the end. TLC
 * is one Java archive, which no npm package brings: `TLA2TOOLS_JAR` says where it is.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { askedOf, type Ended, eventually, isWrong, parse, run, type Variant } from './quint.ts'
import { constantsOf, type Parsed, tlaOf } from './write-tla.ts'

export interface Checked {
  /** The first invariant or property that does not hold. */
  readonly broken: string | undefined
  readonly stateCount: number
  readonly stepCount: number
  readonly output: string
}

const moduleName = 'core'

/** Writes what TLC reads into the folder. */
export async function writeForTlc(folder: string, variants: readonly Variant[]): Promise<void> {
  const treeFile = path.join(folder, 'tree.json')
  const { isOk, output } = await parse(treeFile)
  if (!isOk) throw new Error(output)
  const parsed = JSON.parse(readFileSync(treeFile, 'utf8')) as Parsed
  writeFileSync(path.join(folder, `${moduleName}.tla`), tlaOf(parsed, moduleName))
  for (const variant of variants) {
    const lines = [
      ...['INIT init', 'NEXT step', ...constantsOf(parsed, variant)],
      ...askedOf(variant).map((name) => `INVARIANT ${name}`),
      ...(isWrong(variant) ? [] : [`PROPERTY ${eventually}`]),
    ]
    writeFileSync(path.join(folder, `${variant}.cfg`), `${lines.join('\n')}\n`)
  }
}

/** @throws when TLC itself fails */
export async function checkEveryState(jar: string, folder: string, variant: Variant): Promise<Checked> {
  const { isOk, output } = await tlc(jar, folder, variant)
  const broken =
    /^Error: (?:Invariant (\w+) is violated|(Temporal properties were violated|Deadlock reached))/m.exec(
      output,
    )
  const states = /(\d+) distinct states found/.exec(output)?.[1]
  const steps = /The depth of the complete state graph search is (\d+)/.exec(output)?.[1]
  if (states === undefined || (!isOk && !broken)) throw new Error(output.slice(-4000))
  return {
    broken: broken?.[1] ?? broken?.[2],
    stateCount: Number(states),
    stepCount: Number(steps ?? 0),
    output,
  }
}

function tlc(jar: string, folder: string, variant: Variant): Promise<Ended> {
  return run('java', [
    ...['-XX:+UseParallelGC', '-cp', jar, 'tlc2.TLC', '-workers', 'auto'],
    ...['-metadir', path.join(folder, `states-${variant}`), '-config', path.join(folder, `${variant}.cfg`)],
    path.join(folder, moduleName),
  ])
}
