/** What a transaction wants done with its commit and after it: collected while it runs, dropped when it rolls back. */
import type { Log } from '../ambient/log.ts'
import type { WakeChannel } from './store.ts'

export class TransactionEffects {
  readonly notices: { channel: WakeChannel; payload: string }[] = []
  readonly #noticed = new Set<string>()
  readonly #after: (() => void)[] = []
  readonly #statements: Promise<unknown>[] = []

  afterCommit(run: () => void): void {
    this.#after.push(run)
  }

  notify(channel: WakeChannel, payload = ''): void {
    // one wake-up per channel and payload is enough, however many rows the transaction wrote
    const name = `${channel} ${payload}`
    if (this.#noticed.has(name)) return
    this.#noticed.add(name)
    this.notices.push({ channel, payload })
  }

  withCommit(statement: Promise<unknown>): void {
    // it may fail while something else is awaited, which must not end the process
    statement.catch(() => undefined)
    this.#statements.push(statement)
  }

  /** Waits for every statement of `withCommit`, then for `last`. @throws what the first one to fail failed with */
  async settleStatements(last?: Promise<unknown>): Promise<void> {
    last?.catch(() => undefined)
    for (const statement of this.#statements) await statement
    await last
  }

  /**
   * What the first of the statements of `withCommit` failed with, leaving out errors that are mere consequences.
   * Waits for all of them: call it when none can hang any more.
   */
  async firstFault(isConsequence: (error: unknown) => boolean): Promise<unknown> {
    const results = await Promise.allSettled(this.#statements)
    const faults = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason)
    return faults.find((fault) => !isConsequence(fault))
  }

  runAfterCommit(log: Log): void {
    for (const run of this.#after) {
      try {
        run()
      } catch (error) {
        log.write('error', 'store.after_commit_failed', { error: String(error) })
      }
    }
  }
}
