/** What a transaction wants done with its commit and after it: collected while it runs, dropped when it rolls back. */
import type { Log } from '../ambient/log.ts'
import type { Due, WakeChannel } from './store.ts'

export interface Notice {
  readonly channel: WakeChannel
  readonly payload: string
  /** For the listeners of this process alone; undefined when they have to look for themselves. */
  readonly due: readonly Due[] | undefined
}

export class TransactionEffects {
  /** One for each channel and payload, however many rows the transaction wrote. */
  readonly #notices = new Map<string, Notice>()
  readonly #after: (() => void)[] = []
  readonly #statements: Promise<unknown>[] = []

  get notices(): readonly Notice[] {
    return [...this.#notices.values()]
  }

  afterCommit(run: () => void): void {
    this.#after.push(run)
  }

  notify(channel: WakeChannel, payload = '', due?: readonly Due[]): void {
    const name = `${channel} ${payload}`
    const known = this.#notices.get(name)
    // who says nothing of what is due makes the listeners look for all of it
    const isPartial = known ? known.due === undefined || due === undefined : due === undefined
    this.#notices.set(name, {
      channel,
      payload,
      due: isPartial ? undefined : [...(known?.due ?? []), ...(due ?? [])],
    })
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
