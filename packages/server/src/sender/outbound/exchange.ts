/**
 * One request and its answer on a pool, inside hard limits: 5 s to the headers, 10 s in all, no redirect, and no
 * more of the answer than is wanted. undici's own timers are switched off: its body timer starts again with
 * every byte, so an application that sends one byte a second would hold a slot for ever (delivery.md T1).
 */
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Timer } from '../../ambient/timer.ts'
import { OutboundFailure } from './outbound-failure.ts'

export const headersTimeoutMs = 5_000
export const exchangeTimeoutMs = 10_000

/** A body that is asked for when there is a connection to write it to. */
export interface LateBody {
  readonly byteCount: number
  read(): Promise<string>
}

export interface ExchangeRequest {
  readonly method: 'POST' | 'GET'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | LateBody | null
  /** The rest of the answer is not read; the socket is destroyed. */
  readonly answerBytesMax: number
  /** How long the body may take after the headers; what has come by then is kept. */
  readonly bodyPatienceMs: number
}

export type Exchanged =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly headers: Readonly<Record<string, string | string[] | undefined>>
      readonly body: Buffer
      /** False when the answer was longer, broke off, or took too long. */
      readonly isWhole: boolean
    }
  | { readonly kind: 'failed'; readonly error: Error; readonly wasSent: boolean }

/** More 1xx answers than this end the exchange. */
const informationalMax = 16

export function exchange(
  deps: { readonly timer: Timer },
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  signal: AbortSignal,
): Promise<Exchanged> {
  return new Promise((resolve) => new ExchangeHandler(deps.timer, request, signal, resolve).run(dispatcher))
}

/** A class because undici calls one object back over the life of a request. */
class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #timer: Timer
  readonly #request: ExchangeRequest
  readonly #signal: AbortSignal
  readonly #resolve: (result: Exchanged) => void
  readonly #stop: () => void
  #forgetSignal: () => void = () => undefined
  readonly #cancelTotal: () => void
  #cancelPhase: () => void = () => undefined
  #controller: Dispatcher.DispatchController | undefined
  #isSettled = false
  #informational = 0
  #status = 0
  #headers: Readonly<Record<string, string | string[] | undefined>> = {}
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(
    timer: Timer,
    request: ExchangeRequest,
    signal: AbortSignal,
    resolve: (result: Exchanged) => void,
  ) {
    this.#timer = timer
    this.#request = request
    this.#signal = signal
    this.#resolve = resolve
    this.#stop = () =>
      this.#fail(new OutboundFailure('no_answer', 'internal.stopped', 'this server stopped the attempt'))
    this.#cancelTotal = timer.after(exchangeTimeoutMs, () => this.#giveUp('no complete answer in 10 s'))
  }

  run(dispatcher: Dispatcher): void {
    const { method, path } = this.#request
    if (this.#signal.aborted) {
      this.#stop()
      return
    }
    this.#forgetSignal = onAbort(this.#signal, this.#stop)
    try {
      dispatcher.dispatch(
        { method, path, ...contentOf(this.#request), headersTimeout: 0, bodyTimeout: 0 },
        this,
      )
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isSettled) {
      controller.abort(new Error('no longer wanted'))
      return
    }
    this.#controller = controller
    this.#cancelPhase = this.#timer.after(headersTimeoutMs, () => this.#giveUp('no answer in 5 s'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) {
      this.#informational += 1
      if (this.#informational > informationalMax) this.#fail(new Error('too many informational answers'))
      return
    }
    this.#status = status
    this.#headers = headers
    this.#cancelPhase()
    this.#cancelPhase = this.#timer.after(this.#request.bodyPatienceMs, () => this.#giveUp(''))
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isSettled) return
    const room = this.#request.answerBytesMax - this.#bytes
    this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
    this.#bytes += Math.min(chunk.length, room)
    if (chunk.length > room) this.#answer(false)
  }

  onResponseEnd(): void {
    this.#answer(true)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // Once the headers are here the application has answered; a body that breaks off changes nothing.
    if (this.#status === 0) this.#fail(error)
    else this.#answer(false)
  }

  #giveUp(detail: string): void {
    const reason = this.#controller ? 'http.timeout' : 'net.timeout'
    if (this.#status === 0) this.#fail(new OutboundFailure('no_answer', reason, detail))
    else this.#answer(false)
  }

  #answer(isWhole: boolean): void {
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    this.#settle({ kind: 'answered', status: this.#status, headers: this.#headers, body, isWhole }, isWhole)
  }

  #fail(error: Error): void {
    this.#settle({ kind: 'failed', error, wasSent: this.#controller !== undefined }, false)
  }

  #settle(result: Exchanged, keepsConnection: boolean): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#cancelTotal()
    this.#cancelPhase()
    this.#forgetSignal()
    if (!keepsConnection && !this.#controller?.aborted) this.#controller?.abort(new Error('no longer wanted'))
    this.#resolve(result)
  }
}

/** With its length in the headers undici writes nothing, not even them, before it has the body. */
function contentOf({ headers, body }: ExchangeRequest): Pick<Dispatcher.DispatchOptions, 'headers' | 'body'> {
  if (body === null || typeof body === 'string') return { headers: { ...headers }, body }
  const content = { [Symbol.asyncIterator]: () => readOnce(body) } as unknown as Readable
  return { headers: { ...headers, 'content-length': String(body.byteCount) }, body: content }
}

async function* readOnce(body: LateBody): AsyncGenerator<Buffer> {
  yield Buffer.from(await body.read())
}

const waiting = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Runs `run` when the signal is aborted. All exchanges of a process share one signal, and adding a listener to an
 * `EventTarget` takes as long as it has listeners; so each signal gets one.
 */
function onAbort(signal: AbortSignal, run: () => void): () => void {
  let runs = waiting.get(signal)
  if (!runs) {
    const all = new Set<() => void>()
    signal.addEventListener('abort', () => [...all].map((one) => one()), { once: true })
    waiting.set(signal, all)
    runs = all
  }
  runs.add(run)
  return () => runs.delete(run)
}
