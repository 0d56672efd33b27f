/** Bugs that are one changed or missing piece of a statement. */
import type { StoreLabel } from '../process.ts'
import type { Planted } from './planted.ts'

type Rewriting = readonly [label: StoreLabel, mark: string | RegExp, from: string | RegExp, to: string]

function statement(name: string, breaks: readonly string[], ...rewritings: readonly Rewriting[]): Planted {
  let metCount = 0
  return {
    name,
    breaks,
    metCount: () => metCount,
    rewrite(text, label) {
      let result = text
      for (const [of, mark, from, to] of rewritings) {
        const isMarked = typeof mark === 'string' ? text.includes(mark) : mark.test(text)
        if (of === label && isMarked) result = result.replace(from, to)
      }
      if (result !== text) metCount += 1
      return result
    },
  }
}

/** The lock under which a request derives something, as lock-and-check.ts writes it. */
const derivingLock = /from "session".* for (share|no key update)$/s
const sessionLock = / for (share|no key update)$/

export const statementPlants: readonly Planted[] = [
  statement('exchange-does-not-lock-the-session', ['I1', 'I12'], ['exchange', derivingLock, sessionLock, '']),
  statement('refresh-does-not-lock-the-session', ['I1', 'I12'], ['refresh', derivingLock, sessionLock, '']),
  statement(
    'authorization-does-not-lock-the-session',
    ['I1', 'I12'],
    ['authorize', derivingLock, sessionLock, ''],
  ),
  statement(
    'authorization-trusts-what-it-read',
    ['I1'],
    ['authorize', /from "client_session" where "sid"/, ' and "ended_at" is null', ''],
  ),
  statement('no-fence', ['I7'], ['delivery', 'update "delivery"', ' and stored."fence" = given."fence"', '']),
  statement(
    'no-state-guard',
    ['I2', 'I11', 'error'],
    ['signOut', 'from "session"', 'select *', `select *, 'active' as "state", null as "sign_out_id"`],
  ),
  statement(
    'breaker-never-half-opens',
    ['I4'],
    [
      'delivery',
      'as lease_clock from endpoint e',
      'select e.*,',
      'select e.*, case when e.open_until is null then null else 9007199254740991 end as open_until,',
    ],
  ),
  statement(
    'reaper-does-not-lock-the-session',
    ['I2', 'I11', 'I12', 'I1', 'error'],
    ['job', /^select \* from "session" where "uid"/, ' for update', ''],
  ),
  statement(
    'claim-does-not-count-leased-rows',
    ['I16'],
    [
      'delivery',
      'leased_count',
      /\(select count\(\*\) from delivery l where .*?\)\s+as leased_count/,
      '0 as leased_count',
    ],
  ),
  statement(
    'claim-does-not-lock-the-endpoint',
    ['I16'],
    ['delivery', 'as lease_clock from endpoint e', ' for update skip locked', ''],
  ),
  statement(
    'lease-is-taken-back-early',
    ['I6', 'I7'],
    ['delivery', 'order by lease_until', /and lease_until < \(extract.*?bigint/, ''],
  ),
  statement(
    'code-is-used-twice',
    ['I1'],
    ['exchange', 'update "artifact"', ' and "consumed_at" is null', ''],
  ),
  statement(
    'token-is-used-twice',
    ['I1'],
    ['refresh', 'update "artifact"', ' and "consumed_at" is null', ''],
  ),
  statement(
    'parent-forgets-its-sessions',
    ['I2'],
    ['job', /from "session" where "sign_out_id"/, 'where ', 'where 1 = 0 and '],
  ),
  statement(
    'wide-session-forgets-the-rest',
    ['I12', 'I2'],
    ['signOut', 'insert into "sign_out"', /\$(\d+), \$\d+\)$/, '$$$1, $$$1)'],
    ['job', 'insert into "sign_out"', /\$(\d+), \$\d+\)$/, '$$$1, $$$1)'],
  ),
  statement(
    'chunk-does-not-mark-whom-it-tells',
    ['I2', 'I4'],
    ['job', /update "client_session" .* any\(/, 'where ', 'where 1 = 0 and '],
  ),
  statement(
    'wide-session-is-not-resumed',
    ['I4'],
    ['job', 'from "sign_out" as "s"', 'where ', `where "s"."scope" <> 'session' and `],
  ),
  statement(
    'crashed-try-counts-as-not-sent',
    ['I4'],
    ['delivery', '"had_connection" = ', /, "had_connection" = \$\d+/, ''],
  ),
  statement('replay-sends-twice', ['I5'], ['admin', 'as "later"', '"d"."settled_at" is not null', '1 = 1']),
  statement(
    'sign-out-keeps-the-tokens',
    ['I1'],
    ['signOut', 'delete from "artifact"', 'where ', `where "kind" <> 'RefreshToken' and `],
  ),
]
