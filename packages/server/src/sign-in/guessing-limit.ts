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
 * A guess is counted once its password was wrong. Until then it stands in its counter's line (`guess-line.ts`), and
 * no more stand there than the limit leaves free: guesses side by side see each other (CVE-2024-4629).
 */
import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { Selectable } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Queryable, Tx } from '../store/store.ts'
import type { LoginFailureTable } from '../store/tables.ts'
import type { GuessLine, GuessLines } from './guess-line.ts'

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
  | { readonly reason: 'admitted'; readonly guess: AdmittedGuess }
  | {
      readonly reason: 'throttled'
      readonly retryAfterSeconds: number
      /** Which counter is full, for the event. */
      readonly by: 'path' | 'account' | 'source'
    }
  /** Too many guesses at this counter wait for their turn. */
  | { readonly reason: 'crowded' }

/** A guess whose password may be looked at. It stands in its line until it is disposed of. */
export interface AdmittedGuess extends Disposable {
  readonly personKey: string
  readonly sourceKey: string
  /** The person's counter holds failures, which a right password takes away. */
  readonly hasFailures: boolean
}

/** Lets one guess be looked at, or says how long to wait. Reads only; may wait for guesses before it. */
export async function admitGuess(
  { on, lines }: { readonly on: Queryable; readonly lines: GuessLines },
  guess: Guess,
  at: Instant,
): Promise<Admission> {
  const keys = await keysOf(on, guess)
  for (;;) {
    const line = lines.of(keys.personKey)
    const { settledCount } = line
    const counters = await readCounters(on, keys)
    // one that was looked at meanwhile may have been wrong, and what was read does not say so
    if (lines.of(keys.personKey) !== line || line.settledCount !== settledCount) continue
    const refusal = refusalOf(counters, keys, at)
    if (refusal) {
      line.pass()
      return refusal
    }
    if (line.inFlightCount < freeCountOf(counters.person)) return admit(line, keys, counters)
    if (!(await line.wait())) return { reason: 'crowded' }
  }
}

interface GuessKeys {
  readonly personKey: string
  readonly sourceKey: string
  readonly personCounter: 'path' | 'account'
}

async function keysOf(on: Queryable, { realmId, subject, ipAddress }: Guess): Promise<GuessKeys> {
  const source = sourceOf(ipAddress)
  // asked for a name that nobody has as well: the time of the answer must not tell
  const isKnown = await isKnownSource(on, 'accountId' in subject ? subject.accountId : '', source)
  const name = 'accountId' in subject ? subject.accountId : `login ${subject.login}`
  return {
    personKey: keyOf(realmId, isKnown ? `path ${source} ${name}` : `account ${name}`),
    sourceKey: keyOf(realmId, `source ${source}`),
    personCounter: isKnown ? 'path' : 'account',
  }
}

interface Counters {
  readonly person: Counter | undefined
  readonly source: Counter | undefined
}

function refusalOf({ person, source }: Counters, keys: GuessKeys, at: Instant): Admission | undefined {
  const sourceSeconds = waitSeconds(source, at)
  const retryAfterSeconds = sourceSeconds > 0 ? sourceSeconds : waitSeconds(person, at)
  const by = sourceSeconds > 0 ? 'source' : keys.personCounter
  return retryAfterSeconds > 0 ? { reason: 'throttled', retryAfterSeconds, by } : undefined
}

/** How many guesses may be looked at side by side: if all of them are wrong, the limit has been reached. */
function freeCountOf(person: Counter | undefined): number {
  return Math.max(1, personLimits.freeCount - (person?.failure_count ?? 0))
}

function admit(line: GuessLine, { personKey, sourceKey }: GuessKeys, { person }: Counters): Admission {
  line.enter()
  line.pass()
  const guess = { personKey, sourceKey, hasFailures: person !== undefined, [Symbol.dispose]: line.leave }
  return { reason: 'admitted', guess }
}

/** The password was right: the person's counter begins anew. */
export async function clearGuesses(tx: Tx, { personKey }: AdmittedGuess): Promise<void> {
  await tx.db.deleteFrom('login_failure').where('key', '=', personKey).execute()
}

/**
 * The password was wrong: the person's counter and the source's have one failure more. Returns whether this one
 * closes the person's counter for the rest of the hour.
 */
export async function countGuess(
  tx: Tx,
  { personKey, sourceKey }: AdmittedGuess,
  at: Instant,
): Promise<{ readonly isLast: boolean }> {
  const counters = await lockCounters(tx, [personKey, sourceKey], at)
  const person = countFailure(counters.get(personKey) as Counter, personLimits, at)
  const source = countFailure(counters.get(sourceKey) as Counter, sourceLimits, at)
  tx.withCommit(writeCounter(tx, person))
  tx.withCommit(writeCounter(tx, source))
  return { isLast: person.window_count === personLimits.hourCountMax }
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

async function readCounters(on: Queryable, { personKey, sourceKey }: GuessKeys): Promise<Counters> {
  const keys = [personKey, sourceKey]
  const rows = await on.db.selectFrom('login_failure').selectAll().where('key', 'in', keys).execute()
  return {
    person: rows.find(({ key }) => key === personKey),
    source: rows.find(({ key }) => key === sourceKey),
  }
}

function waitSeconds(counter: Counter | undefined, at: Instant): number {
  if (!counter) return 0
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
