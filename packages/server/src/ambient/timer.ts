/**
 * Waiting as an argument: the only place that sets timers, so that tests can run them on a virtual clock.
 */

export interface Timer {
  /**
   * Runs `run` once after `delayMs`, unless the returned function is called first. The process may end meanwhile,
   * unless `keepsAlive` (default false).
   */
  after(delayMs: number, run: () => void, keepsAlive?: boolean): () => void
}

/** Node's timers. They are unreferenced: a waiting retry must not keep a drained process alive. */
export const systemTimer: Timer = {
  after(delayMs, run, keepsAlive = false) {
    const handle = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1))
    if (!keepsAlive) handle.unref()
    return () => clearTimeout(handle)
  },
}

/** Resolves after `delayMs`, or at once when `signal` is aborted. Never rejects. */
export function sleep(timer: Timer, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel()
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const cancel = timer.after(delayMs, finish)
    signal?.addEventListener('abort', finish, { once: true })
  })
}
