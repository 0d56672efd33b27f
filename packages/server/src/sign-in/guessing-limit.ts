/**
 * The limit on guessing passwords. Three counters, in the table `login_failure`:
 *
 * - path: this source at this account. Counts where somebody has signed in to this account from this source
 *   before, in place of the account's counter.
 * - account: every other source at this account, so that many sources together guess no more than one.
 * - source: this source at all accounts, against one common password tried at many.
 *
 * A wrong guess at the path or the account delays the next one from the 5th on; the 20th within an hour closes it
 * for the rest of that hour, and after 100 in a row one guess an hour is left. The counters of a person's own
 * devices are not touched by what strangers do, so nobody can lock a person out (CVE-2024-1722).
 *
 * At the person's counter a guess is counted before the password is looked at and given back when it was right:
 * guesses that run side by side see each other (CVE-2024-4629). At the source's counter it is counted once it was
 * wrong: what a crash leaves uncounted there is bounded by the password pool, and what it left counted would close
 * a whole office.
 */
import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { Selectable } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Queryable, Tx } from '../store/store.ts'
import type { LoginFailureTable } from '../store/tables.ts'

const hourMs = 3_600_000

interface Limits {
  /** Failures in a row before each further one costs a delay. */
  readonly freeCount: number
  /** Failures in one hour that close the counter for the rest of it. */
  readonly hourCountMax: number
  /** Failures in a row after which one guess an hour is left. */
  readonly ceilingCount: number
}

/** security.md, brute force; the ceiling is that of NIST SP 800-63B §5.2.2. */
const personLimits: Limits = { freeCount: 5, hourCountMax: 20, ceilingCount: 100 }

/** Many people share one address, so a source may fail more often, and nobody waits for a neighbour's mistake. */
const sourceLimits: Limits = { freeCount: Infinity, hourCountMax: 100, ceilingCount: Infinity }

/** The delay doubles from one second up to this. */
const delayMsMax = 60_000

export interface Guess {
  readonly realmId: string
  /** The account, or what was typed where there is none: an unknown name is limited like a known one. */
  readonly subject: { readonly accountId: string } | { readonly login: string }
  readonly ipAddress: string | undefined
}

export type Admission =
  | { readonly isAdmitted: true; readonly guess: CountedGuess }
  | {
      readonly isAdmitted: false
      readonly retryAfterSeconds: number
      /** Which counter is full, for the event. */
      readonly by: 'path' | 'account' | 'source'
    }

/** A guess that the person's counter holds as a failure until `giveBack` or `clearGuesses` says otherwise. */
export interface CountedGuess {
  readonly personKey: string
  readonly sourceKey: string
  /** True when this failure closes the counter for the rest of the hour. */
  readonly isLast: boolean
}

/** Counts one guess, or says how long to wait. One transaction; the rows stay locked until it ends. */
export async function admitGuess(tx: Tx, guess: Guess, at: Instant): Promise<Admission> {
  const source = sourceOf(guess.ipAddress)
  const isKnown = 'accountId' in guess.subject && (await isKnownSource(tx, guess.subject.accountId, source))
  const subject = 'accountId' in guess.subject ? guess.subject.accountId : `login ${guess.subject.login}`
  const personKey = keyOf(guess.realmId, isKnown ? `path ${source} ${subject}` : `account ${subject}`)
  const sourceKey = keyOf(guess.realmId, `source ${source}`)
  const counters = await lockCounters(tx, [personKey, sourceKey], at)
  const person = counters.get(personKey) as Counter
  const bySource = counters.get(sourceKey) as Counter
  const closed =
    waitSeconds(bySource, at) > 0
      ? ({ counter: bySource, by: 'source' } as const)
      : ({ counter: person, by: isKnown ? 'path' : 'account' } as const)
  const retryAfterSeconds = waitSeconds(closed.counter, at)
  if (retryAfterSeconds > 0) return { isAdmitted: false, retryAfterSeconds, by: closed.by }
  const next = countFailure(person, personLimits, at)
  await writeCounter(tx, next)
  return {
    isAdmitted: true,
    guess: { personKey, sourceKey, isLast: next.window_count === personLimits.hourCountMax },
  }
}

/** The password was right: the person's counter begins anew. */
export async function clearGuesses(tx: Tx, { personKey }: CountedGuess): Promise<void> {
  await tx.db.deleteFrom('login_failure').where('key', '=', personKey).execute()
}

/** The password was wrong: the source has failed once more. */
export async function keepGuess(tx: Tx, { sourceKey }: CountedGuess, at: Instant): Promise<void> {
  const counters = await lockCounters(tx, [sourceKey], at)
  await writeCounter(tx, countFailure(counters.get(sourceKey) as Counter, sourceLimits, at))
}

/** The password was not looked at (the pool is busy): as if the guess had not been made. */
export async function giveBack(tx: Tx, { personKey }: CountedGuess): Promise<void> {
  await takeOneOff(tx, personKey)
}

/** Counters that have not counted for a day say nothing any more. Returns how many were removed. */
export async function pruneGuesses(tx: Tx, at: Instant, countMax = 1000): Promise<number> {
  const old = tx.db
    .selectFrom('login_failure')
    .select('key')
    .where('last_failure_at', '<', at - 24 * hourMs)
    .limit(countMax)
  const result = await tx.db.deleteFrom('login_failure').where('key', 'in', old).executeTakeFirst()
  return Number(result.numDeletedRows)
}

type Counter = Selectable<LoginFailureTable>

function countFailure(counter: Counter, limits: Limits, at: Instant): Counter {
  const isNewWindow = at >= counter.window_started_at + hourMs
  const windowStartedAt = isNewWindow ? at : counter.window_started_at
  const windowCount = isNewWindow ? 1 : counter.window_count + 1
  const failureCount = counter.failure_count + 1
  return {
    key: counter.key,
    failure_count: failureCount,
    window_started_at: windowStartedAt,
    window_count: windowCount,
    last_failure_at: at,
    blocked_until: blockedUntil(limits, { failureCount, windowCount, windowStartedAt }, at),
  }
}

function blockedUntil(
  limits: Limits,
  counted: { failureCount: number; windowCount: number; windowStartedAt: Instant },
  at: Instant,
): Instant {
  if (counted.failureCount >= limits.ceilingCount) return at + hourMs
  if (counted.windowCount >= limits.hourCountMax) return counted.windowStartedAt + hourMs
  const beyond = counted.failureCount - limits.freeCount
  return beyond < 0 ? 0 : at + Math.min(delayMsMax, 1000 * 2 ** beyond)
}

function waitSeconds(counter: Counter, at: Instant): number {
  return Math.max(0, Math.ceil((counter.blocked_until - at) / 1000))
}

/**
 * Locked in the order of their keys, so that two guesses never wait for each other. The insert itself takes the
 * lock: between an insert that finds the row and a lock of its own, a right password could delete the row.
 */
async function lockCounters(
  tx: Tx,
  keys: readonly string[],
  at: Instant,
): Promise<ReadonlyMap<string, Counter>> {
  const empty = {
    failure_count: 0,
    window_started_at: at,
    window_count: 0,
    last_failure_at: at,
    blocked_until: 0,
  }
  const rows = await tx.db
    .insertInto('login_failure')
    .values([...keys].sort().map((key) => ({ key, ...empty })))
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet((eb) => ({ window_count: eb.ref('login_failure.window_count') })),
    )
    .returningAll()
    .execute()
  return new Map(rows.map((row) => [row.key, row]))
}

async function writeCounter(tx: Tx, { key, ...counted }: Counter): Promise<void> {
  await tx.db.updateTable('login_failure').set(counted).where('key', '=', key).execute()
}

async function takeOneOff(tx: Tx, key: string): Promise<void> {
  await tx.db
    .updateTable('login_failure')
    .set((eb) => ({
      failure_count: eb('failure_count', '-', 1),
      window_count: eb('window_count', '-', 1),
      blocked_until: 0,
    }))
    .where('key', '=', key)
    .where('window_count', '>', 0)
    .where('failure_count', '>', 0)
    .execute()
}

/** Sessions looked through for an address; more of one account do not make its devices better known. */
const sessionCountMax = 100

/** Whether this account was signed in to from this source before; ended sessions count, as long as they are kept. */
async function isKnownSource(on: Queryable, accountId: string, source: string): Promise<boolean> {
  const rows = await on.db
    .selectFrom('session')
    .select('ip_address')
    .where('account_id', '=', accountId)
    .orderBy('state')
    .limit(sessionCountMax)
    .execute()
  return rows.some((row) => row.ip_address !== null && sourceOf(row.ip_address) === source)
}

/** One household has a whole /64 of IPv6, so that is one source (RFC 6177); IPv4 inside IPv6 is IPv4. */
export function sourceOf(ipAddress: string | undefined): string {
  if (ipAddress === undefined) return 'unknown'
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ipAddress)?.[1]
  if (mapped) return mapped
  if (!isIPv6(ipAddress)) return ipAddress
  const [head = '', tail] = ipAddress.split('%', 1).join('').split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  return `${[...left, ...gap, ...right]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

/** Hashed, because a name that somebody typed is often a password. */
function keyOf(realmId: string, text: string): string {
  return createHash('sha256').update(`${realmId}\n${text}`).digest('base64url')
}
