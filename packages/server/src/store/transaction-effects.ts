/** What a transaction wants done after its commit: collected while it runs, dropped when it rolls back. */
import type { Log } from '../ambient/log.ts'
import type { WakeChannel } from './store.ts'

export class TransactionEffects {
  readonly notices: { channel: WakeChannel; payload: string }[] = []
  readonly #noticed = new Set<string>()
  readonly #after: (() => void)[] = []

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
