/** The receivers' process, as the bench sees it. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { endWithBench } from './children.ts'

/** What an application does with a notice: says yes at once, or after so many milliseconds, or is ill. */
export type Behaviour = 'accept' | 'never_answer' | 'drip' | 'unavailable' | number

export interface ReceiverPlan {
  /** One for each application. */
  readonly behaviours: readonly Behaviour[]
  /** All behind one host and port, told apart by their paths. */
  readonly isOneOrigin: boolean
  /** Whether to read which session each notice is about; costs the receivers a little. */
  readonly notesSids: boolean
}

/** A notice that was accepted. */
export interface Receipt {
  readonly sid: string
  /** Milliseconds of the machine's clock, with fractions. */
  readonly at: number
}

export interface Receivers extends Disposable {
  /** The back-channel logout URL of each application. */
  readonly addresses: readonly string[]
  reset(): Promise<void>
  /** Resolves with the instant at which the last of `count` notices was answered; rejects after `timeoutMs`. */
  untilReceived(count: number, timeoutMs: number): Promise<number>
  /** What was accepted since this was last asked. */
  takeReceipts(): Promise<readonly Receipt[]>
}

interface Report {
  readonly receivedCount: number
  readonly lastAt: number
  readonly receipts: readonly Receipt[]
}

const pollMs = 5

/** Applications that all say yes at once. */
export function accepting(count: number): readonly Behaviour[] {
  return Array<Behaviour>(count).fill('accept')
}

/** So many applications, each on a port of its own, that all do the same. */
export function startReceivers(count: number, behaviour: Behaviour = 'accept'): Promise<Receivers> {
  return startPlanned({ behaviours: Array(count).fill(behaviour), isOneOrigin: false, notesSids: false })
}

export async function startPlanned(plan: ReceiverPlan): Promise<Receivers> {
  const file = fileURLToPath(new URL('./receiver-process.ts', import.meta.url))
  const child = fork(file, [JSON.stringify(plan)])
  endWithBench(child)
  const { ports } = await nextMessage<{ ports: readonly number[] }>(child)
  let asked: Promise<unknown> = Promise.resolve()
  // one question at a time: the next message is the answer to it
  const ask = (word: 'reset' | 'report' | 'receipts'): Promise<Report> => {
    const answer = asked.then(() => {
      const next = nextMessage<Report>(child)
      child.send(word)
      return next
    })
    asked = answer.catch(() => undefined)
    return answer
  }
  return {
    addresses: plan.behaviours.map((_, index) => addressOf(ports[plan.isOneOrigin ? 0 : index], index)),
    async reset() {
      await ask('reset')
    },
    async untilReceived(count, timeoutMs) {
      const giveUpAt = performance.now() + timeoutMs
      while (performance.now() < giveUpAt) {
        const report = await ask('report')
        if (report.receivedCount >= count) return report.lastAt
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
      const { receivedCount } = await ask('report')
      throw new Error(`${receivedCount} of ${count} notices came within ${timeoutMs} ms`)
    },
    takeReceipts: async () => (await ask('receipts')).receipts,
    [Symbol.dispose]: () => child.disconnect(),
  }
}

function addressOf(port: number | undefined, index: number): string {
  return `http://127.0.0.1:${port}/app-${index}/backchannel-logout`
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
