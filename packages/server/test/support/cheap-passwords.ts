/** Passwords for tests of something else: our own hash at a cost that nobody would store, without a bound on how many. */
import { hashPassword, type StoredPassword, verifyPassword } from '../../src/account/password.ts'
import type { PasswordPool } from '../../src/account/password-pool.ts'
import { systemRandom } from '../../src/ambient/random.ts'

const cost = { memoryKib: 8, passCount: 1 }
const mark = `$m=${cost.memoryKib},`

export function cheapPasswords(): PasswordPool {
  const hash = (password: string): Promise<StoredPassword> => hashPassword(systemRandom, password, cost)
  return {
    async check(stored, password) {
      if (!stored || !(await verifyPassword(stored, password))) return { outcome: 'wrong' }
      const isCheap = stored.form === 'phc' && stored.hash.includes(mark)
      return { outcome: 'right', rehashed: isCheap ? undefined : await hash(password) }
    },
    hash,
    load: { runningCount: 0, waitingCount: 0 },
  }
}
