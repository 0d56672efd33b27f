import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { describe, test } from 'node:test'
import { hashRawSync } from '@node-rs/argon2'
import { systemRandom } from '../ambient/random.ts'
import {
  hashPassword,
  importedPasswordProblem,
  type KeycloakCredentialData,
  needsRehash,
  passwordLengthMax,
  type StoredPassword,
  verifyPassword,
} from './password.ts'
import { createPasswordPool } from './password-pool.ts'

type Imported = StoredPassword & { form: 'keycloak' }

const salt = Buffer.from('0123456789abcdef')
const imported = (value: Buffer, credentialData: KeycloakCredentialData): Imported => ({
  form: 'keycloak',
  secretData: { value: value.toString('base64'), salt: salt.toString('base64') },
  credentialData,
})
const pbkdf2 = (algorithm: string, digest: string, length: number, password = 'päss wörd'): Imported =>
  imported(pbkdf2Sync(password, salt, 1000, length, digest), { algorithm, hashIterations: 1000 })
const argon2 = (password = 'päss wörd'): Imported => {
  const options = {
    algorithm: 2,
    memoryCost: 7168,
    timeCost: 5,
    parallelism: 1,
    outputLen: 32,
    salt,
  } as const
  return imported(hashRawSync(password, options), {
    algorithm: 'argon2',
    hashIterations: 5,
    additionalParameters: {
      hashLength: ['32'],
      memory: ['7168'],
      type: ['id'],
      version: ['1.3'],
      parallelism: ['1'],
    },
  })
}

describe('passwords', () => {
  test('our own hash is argon2id with 46 MiB, one pass and one lane (L-08)', async () => {
    const stored = await hashPassword(systemRandom, 'päss wörd')
    assert.ok(stored.form === 'phc' && stored.hash.startsWith('$argon2id$v=19$m=47104,t=1,p=1$'))
    assert.equal(await verifyPassword(stored, 'päss wörd'), true)
    assert.equal(await verifyPassword(stored, 'pass word'), false)
    assert.equal(needsRehash(stored), false)
    assert.equal(needsRehash(stored, { memoryKib: 64 * 1024, passCount: 3 }), true)
  })

  test('two hashes of one password differ', async () => {
    assert.notDeepEqual(await hashPassword(systemRandom, 'x'), await hashPassword(systemRandom, 'x'))
  })

  const forms: Record<string, Imported> = {
    'argon2 as raw hash and salt (KZ-81)': argon2(),
    'pbkdf2-sha256 with 256 bits': pbkdf2('pbkdf2-sha256', 'sha256', 32),
    'pbkdf2-sha256 with 512 bits, as older releases wrote it (KZ-80)': pbkdf2('pbkdf2-sha256', 'sha256', 64),
    'pbkdf2-sha512 with 512 bits': pbkdf2('pbkdf2-sha512', 'sha512', 64),
    'pbkdf2 with 512 bits': pbkdf2('pbkdf2', 'sha1', 64),
  }
  for (const [name, stored] of Object.entries(forms)) {
    test(`Keycloak's ${name} verifies, and is replaced by ours at sign-in (KZ-83)`, async () => {
      assert.equal(importedPasswordProblem(stored), undefined)
      assert.equal(await verifyPassword(stored, 'päss wörd'), true)
      assert.equal(await verifyPassword(stored, 'päss wörD'), false)
      assert.equal(await verifyPassword(stored, ''), false)
      assert.equal(needsRehash(stored), true)
    })
  }

  test('an imported hash beyond the bounds, or malformed, is refused and never run (KZ-84)', async () => {
    const good = argon2()
    const parameters = (change: Record<string, string[]>): Imported => ({
      ...good,
      credentialData: {
        ...good.credentialData,
        additionalParameters: { ...good.credentialData.additionalParameters, ...change },
      },
    })
    const refused: [Imported, RegExp][] = [
      [imported(Buffer.alloc(32), { algorithm: 'pbkdf2', hashIterations: 5_000_001 }), /more than 5000000/],
      [imported(Buffer.alloc(32), { algorithm: 'pbkdf2', hashIterations: 0 }), /hashIterations/],
      [imported(Buffer.alloc(32), { algorithm: 'pbkdf2', hashIterations: 1.5 }), /hashIterations/],
      [imported(Buffer.alloc(32), { algorithm: 'bcrypt', hashIterations: 1 }), /unknown/],
      [imported(Buffer.alloc(32), { algorithm: 'constructor', hashIterations: 1 }), /unknown/],
      [imported(Buffer.alloc(0), { algorithm: 'pbkdf2', hashIterations: 1 }), /16 to 512 bytes/],
      [{ ...good, secretData: { ...good.secretData, salt: '' } }, /salt/],
      [parameters({ memory: ['1048577'] }), /1 GiB/],
      [parameters({ memory: ['x'] }), /not usable/],
      [parameters({ parallelism: ['0'] }), /not usable/],
      [parameters({ type: ['x'] }), /unknown/],
      [parameters({ version: ['2.0'] }), /unknown/],
      [{ ...good, credentialData: { ...good.credentialData, hashIterations: 101 } }, /passes/],
    ]
    for (const [stored, problem] of refused) {
      assert.match(importedPasswordProblem(stored) ?? '', problem)
      assert.equal(await verifyPassword(stored, 'päss wörd'), false)
    }
  })

  test('a PHC string that is none, and a password of no or excessive length, are wrong', async () => {
    assert.equal(await verifyPassword({ form: 'phc', hash: 'x' }, 'x'), false)
    const long = 'x'.repeat(passwordLengthMax + 1)
    assert.equal(await verifyPassword(pbkdf2('pbkdf2', 'sha1', 64, long), long), false)
  })
})

describe('the password pool', () => {
  const pool = () => createPasswordPool({ random: systemRandom }, { coreCount: 1, queueLengthMax: 1 })

  test('a right password of an imported hash comes back rehashed', async () => {
    const verdict = await pool().check(argon2(), 'päss wörd')
    assert.ok(verdict.outcome === 'right' && verdict.rehashed?.form === 'phc')
    assert.deepEqual(await pool().check(verdict.rehashed, 'päss wörd'), {
      outcome: 'right',
      rehashed: undefined,
    })
    assert.deepEqual(await pool().check(verdict.rehashed, 'other'), { outcome: 'wrong' })
  })

  test('one core stays free, the queue holds the rest, and what does not fit is busy at once (L-08)', async () => {
    const busy = createPasswordPool({ random: systemRandom }, { coreCount: 3, queueLengthMax: 1 })
    const checks = [1, 2, 3, 4, 5].map(() => busy.check(undefined, 'x'))
    assert.deepEqual(busy.load, { runningCount: 2, waitingCount: 1 })
    const outcomes = (await Promise.all(checks)).map((verdict) => verdict.outcome)
    assert.deepEqual(outcomes, ['wrong', 'wrong', 'wrong', 'busy', 'busy'])
    assert.deepEqual(busy.load, { runningCount: 0, waitingCount: 0 })
    assert.equal((await busy.check(undefined, 'x')).outcome, 'wrong')
  })

  test('an unknown account costs as much as a wrong password', async () => {
    const one = pool()
    const stored = await one.hash('right')
    assert.ok(stored !== 'busy')
    const cpuOf = async (of: StoredPassword | undefined): Promise<number> => {
      await one.check(of, 'warm')
      const before = process.cpuUsage()
      for (let i = 0; i < 5; i += 1) await one.check(of, 'wrong')
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    const ratio = (await cpuOf(undefined)) / (await cpuOf(stored))
    assert.ok(ratio > 0.4 && ratio < 2.5, `ratio ${ratio}`)
  })

  test('the cost is only ever raised', () => {
    const cost = { memoryKib: 19 * 1024, passCount: 2 }
    assert.throws(() => createPasswordPool({ random: systemRandom }, { coreCount: 1, cost }), TypeError)
  })
})
