/**
 * Random commands against the real server, compared with the model after each (S-04). Several lines of runs go on
 * side by side, so that each also meets what others do; a failure is shrunk and printed with its seed.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { TestDatabase } from '../support/database.ts'
import { allCommands, endRun, leaveNothing } from './commands.ts'
import { newModel } from './model.ts'
import { startRun, startWorld, type World } from './world.ts'

export interface ModelRun {
  readonly runCount: number
  /** Of one run; half as many on average. */
  readonly commandCountMax: number
  /** Repeats a run that failed; with it `path`, which fast-check prints beside. */
  readonly seed: number
  readonly path?: string | undefined
}

const lineCount = 8

/** @returns how many notices the applications got */
export async function runModel(database: Pick<TestDatabase, 'create'>, run: ModelRun): Promise<number> {
  await using world = await startWorld(database, lineCount)
  // what failed is repeated alone
  const lines = run.path === undefined ? lineCount : 1
  const perLine = Math.ceil(run.runCount / lines)
  let isOver = false
  const checks = Array.from({ length: lines }, async (_, line) => {
    try {
      await checkLine(world, line, { ...run, seed: run.seed + line, runCount: perLine, isOver: () => isOver })
    } catch (error) {
      isOver = true
      throw error
    }
  })
  const failed = (await Promise.allSettled(checks)).find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
  const strangers = world.receiver.received.filter(({ claims }) => !world.sids.has(String(claims['sid'])))
  assert.deepEqual(strangers, [], 'told of a session that nobody had (I3)')
  return world.receiver.received.length
}

interface LineRun extends ModelRun {
  /** Another line has found a fault. */
  isOver(): boolean
}

function checkLine(
  world: World,
  line: number,
  { runCount, commandCountMax, seed, path, isOver }: LineRun,
): Promise<void> {
  const property = fc.asyncProperty(
    fc.commands(allCommands(), { maxCommands: commandCountMax, size: 'max' }),
    async (commands) => {
      if (isOver()) return
      await using real = startRun(world, line)
      const model = newModel()
      try {
        await fc.asyncModelRun(() => ({ model, real }), commands)
        await endRun(model, real)
      } catch (error) {
        // the next run, which looks for a shorter way to the same fault, begins with nothing
        await leaveNothing(real)
        throw error
      }
    },
  )
  return fc.assert(property, { numRuns: runCount, seed, ...(path === undefined ? {} : { path }) })
}
