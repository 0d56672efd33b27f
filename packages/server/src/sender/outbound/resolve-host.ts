/**
 * Turns a host name into addresses.
 *
 * The system resolver is asked first, because it alone knows /etc/hosts, search domains and whatever else this
 * machine uses. It occupies a thread of Node's pool for each question, at most half of the threads at once, so
 * a few names whose servers do not answer would hold up every other name. A question that it has not answered
 * after 250 ms is therefore also put to DNS directly, which needs no thread; the first address wins.
 */
import { promises as dns, lookup } from 'node:dns'
import type { Timer } from '../../ambient/timer.ts'
import { OutboundFailure } from './outbound-failure.ts'

/** All addresses of a host, in the order of preference; rejects with an error that has a `code`. */
export type Resolve = (host: string) => Promise<readonly string[]>

export const resolveTimeoutMs = 3_000
const secondOpinionAfterMs = 250

export const systemResolve: Resolve = (host) =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true, order: 'verbatim' }, (error, found) => {
      if (error) reject(error)
      else resolve(found.map((one) => one.address))
    })
  })

export const directResolve: Resolve = async (host) => {
  const answers = await Promise.allSettled([dns.resolve4(host), dns.resolve6(host)])
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  if (found.length === 0) throw new Error(`no address for ${host}`)
  return found
}

/**
 * Resolves one host within 3 s. Questions for the same name that run at the same time share one answer; nothing
 * is kept longer, so an application that moves is found at its next try.
 */
export function createHostResolver(deps: {
  readonly timer: Timer
  readonly resolve: Resolve
  readonly secondOpinion: Resolve | undefined
}): Resolve {
  const running = new Map<string, Promise<readonly string[]>>()
  return (host) => {
    const known = running.get(host)
    if (known) return known
    const question = resolveOnce(deps, host).finally(() => running.delete(host))
    running.set(host, question)
    return question
  }
}

function resolveOnce(
  deps: { readonly timer: Timer; readonly resolve: Resolve; readonly secondOpinion: Resolve | undefined },
  host: string,
): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const cancels: (() => void)[] = []
    const settle = (run: () => void): void => {
      for (const cancel of cancels) cancel()
      run()
    }
    const fail = (reason: string, detail: string, cause?: unknown): void =>
      settle(() => reject(new OutboundFailure('no_answer', reason, detail, { cause })))
    cancels.push(
      deps.timer.after(resolveTimeoutMs, () => fail('dns.temporary', `no answer for ${host} in 3 s`)),
    )
    const { secondOpinion } = deps
    if (secondOpinion) {
      cancels.push(
        deps.timer.after(secondOpinionAfterMs, () => {
          // Only an address counts here: DNS alone cannot say that a name of /etc/hosts does not exist.
          secondOpinion(host).then(
            (found) => settle(() => resolve(found)),
            () => undefined,
          )
        }),
      )
    }
    deps.resolve(host).then(
      (found) =>
        found.length > 0 ? settle(() => resolve(found)) : fail('dns.not_found', `no address for ${host}`),
      (error: NodeJS.ErrnoException) => fail(reasonOf(error), error.message, error),
    )
  })
}

function reasonOf(error: NodeJS.ErrnoException): string {
  const isFinal = error.code === 'ENOTFOUND' || error.code === 'ENODATA' || error.code === 'EAI_NONAME'
  return isFinal ? 'dns.not_found' : 'dns.temporary'
}
