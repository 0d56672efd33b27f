/** A request of somebody at one of the processes. */
import type { SimulatedProcess } from './process.ts'
import { aliveProcesses, later, type World } from './world.ts'

/** Sends a request to some process that answers; nobody knows what became of it when that one dies. */
export function request(
  world: World,
  run: (process: SimulatedProcess) => Promise<unknown>,
  onDeath?: () => void,
): void {
  const alive = aliveProcesses(world)
  if (alive.length === 0) {
    later(world, 200, () => request(world, run, onDeath))
    return
  }
  const process = world.random.pick(alive)
  process.openCount += 1
  world.scheduler.soon(process, () => {
    void run(process)
      .catch((error) => fault(world, error))
      .finally(() => {
        process.openCount -= 1
      })
  })
  if (!onDeath) return
  later(world, 9000, () => {
    if (!process.isAlive) onDeath()
  })
}

/** The product says that its database is away: the caller gets a 503. Anything else is a fault of the product. */
function fault(world: World, error: unknown): void {
  const isExpected = error instanceof Error && 'code' in error && error.code === 'CURFEW_STORE_UNAVAILABLE'
  if (isExpected) world.history.add('answered 503')
  else world.scheduler.fail(error)
}
