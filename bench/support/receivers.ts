/** The receivers' process, as the bench sees it. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { endWithBench } from './children.ts'

export interface Receivers extends Disposable {
  readonly ports: readonly number[]
  reset(): Promise<void>
  /** Resolves with the instant at which the last of `count` notices was answered; rejects after `timeoutMs`. */
  untilReceived(count: number, timeoutMs: number): Promise<number>
  count(): Promise<number>
}

interface Report {
  readonly receivedCount: number
  readonly lastAt: number
}

export async function startReceivers(portCount: number, delayMs = 0): Promise<Receivers> {
  const file = fileURLToPath(new URL('./receiver-process.ts', import.meta.url))
  const child = fork(file, [String(portCount), String(delayMs)])
  endWithBench(child)
  const { ports } = await nextMessage<{ ports: readonly number[] }>(child)
  const ask = async (word: string): Promise<Report> => {
    const answer = nextMessage<Report>(child)
    child.send(word)
    return answer
  }
  return {
    ports,
    async reset() {
      await ask('reset')
    },
    async count() {
      return (await ask('report')).receivedCount
    },
    async untilReceived(count, timeoutMs) {
      const giveUpAt = performance.now() + timeoutMs
      while (performance.now() < giveUpAt) {
        const report = await ask('report')
        if (report.receivedCount >= count) return report.lastAt
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      throw new Error(
        `${(await ask('report')).receivedCount} of ${count} notices came within ${timeoutMs} ms`,
      )
    },
    [Symbol.dispose]: () => child.disconnect(),
  }
}

function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the receivers ended with code ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as T)
    })
  })
}
