/**
 * The bounded pool of password work. A flood of sign-ins can neither take the memory (46 MiB each) nor starve a
 * sign-out: what does not fit is turned away at once with `busy`, which the wire answers with 503 (L-08).
 */
import type { Random } from '../ambient/random.ts'
import {
  type Argon2Cost,
  argon2CostMin,
  hashPassword,
  needsRehash,
  passwordLengthMax,
  type StoredPassword,
  verifyPassword,
} from './password.ts'

export interface PasswordPoolSettings {
  /** Processor cores; one fewer hashes run at once, at least one (docs/decisions/0016). */
  readonly coreCount: number
  /** Works that wait, default 50. */
  readonly queueLengthMax?: number
  /** Cost of new hashes, default and minimum 46 MiB and one pass. */
  readonly cost?: Argon2Cost
}

export type PasswordVerdict =
  /** `rehashed` replaces what was stored (KZ-83); it is made within the same turn in the pool. */
  | { readonly outcome: 'right'; readonly rehashed: StoredPassword | undefined }
  | { readonly outcome: 'wrong' }
  | { readonly outcome: 'busy' }

export interface PasswordPool {
  /**
   * Checks a password. Without a stored one (unknown account, account without password) the same work is done
   * against a hash that nothing matches, so that the time of the answer does not tell whether an account exists.
   */
  check(stored: StoredPassword | undefined, password: string): Promise<PasswordVerdict>
  /** Hashes a new password. */
  hash(password: string): Promise<StoredPassword | 'busy'>
  /** For metrics. */
  readonly load: { readonly runningCount: number; readonly waitingCount: number }
}

export function createPasswordPool(
  deps: { readonly random: Random },
  settings: PasswordPoolSettings,
): PasswordPool {
  const cost = settings.cost ?? argon2CostMin
  if (cost.memoryKib < argon2CostMin.memoryKib || cost.passCount < argon2CostMin.passCount) {
    throw new TypeError('the cost of password hashes is only ever raised')
  }
  const slots = createSlots(Math.max(1, settings.coreCount - 1), settings.queueLengthMax ?? 50)
  let unmatched: Promise<StoredPassword> | undefined

  const checkNow = async (stored: StoredPassword | undefined, password: string): Promise<PasswordVerdict> => {
    if (!stored) {
      unmatched ??= hashPassword(deps.random, deps.random.bytes(32).toString('base64'), cost)
      await verifyPassword(await unmatched, password)
      return { outcome: 'wrong' }
    }
    if (!(await verifyPassword(stored, password))) return { outcome: 'wrong' }
    const rehashed = needsRehash(stored, cost) ? await hashPassword(deps.random, password, cost) : undefined
    return { outcome: 'right', rehashed }
  }
  return {
    async check(stored, password) {
      if (password.length > passwordLengthMax) return { outcome: 'wrong' }
      return (await slots.run(() => checkNow(stored, password))) ?? { outcome: 'busy' }
    },
    async hash(password) {
      return (await slots.run(() => hashPassword(deps.random, password, cost))) ?? 'busy'
    },
    get load() {
      return slots.load()
    },
  }
}

/** At most `runningMax` works at once and `waitingMax` in line, first come first served; undefined when full. */
function createSlots(runningMax: number, waitingMax: number) {
  const waiting: (() => void)[] = []
  let runningCount = 0

  const enter = (): Promise<boolean> => {
    if (runningCount < runningMax) {
      runningCount += 1
      return Promise.resolve(true)
    }
    if (waiting.length >= waitingMax) return Promise.resolve(false)
    return new Promise((resolve) => {
      waiting.push(() => resolve(true))
    })
  }
  const leave = (): void => {
    const next = waiting.shift()
    // the slot is handed on, so that nobody who comes now overtakes the line
    if (next) next()
    else runningCount -= 1
  }
  return {
    async run<T>(work: () => Promise<T>): Promise<T | undefined> {
      if (!(await enter())) return undefined
      try {
        return await work()
      } finally {
        leave()
      }
    },
    load: () => ({ runningCount, waitingCount: waiting.length }),
  }
}
