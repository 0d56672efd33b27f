/**
 * A TCP proxy that misbehaves on request: it swallows, delays or resets each direction, and refuses new
 * connections. Stands between the server and its database, or between the server and an application.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'

export type Direction = 'toTarget' | 'toCaller'

export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  connectionCount(): number
  /** Both directions flow again; connections whose bytes were swallowed stay broken. */
  heal(): void
  /**
   * Bytes of this direction vanish, on new connections too: half-open without an error (F-19). `opening` names
   * connections by something in the first bytes that their caller sent.
   */
  blackhole(direction: Direction, opening?: string): void
  /** Every piece of this direction waits so long (F-20). */
  delay(direction: Direction, delayMs: number): void
  /** Ends every connection with a reset, now. */
  reset(): void
  /**
   * After a piece to the target that contains `text`, the next piece of that connection springs a trap: the
   * connection is reset before the target has seen it (`unseen`), or after it has acted on it (`unanswered`).
   * With `text` in the last statement of a transaction, that piece is the COMMIT (F-21, R12).
   */
  resetAfter(text: string, next: 'unseen' | 'unanswered'): Promise<void>
  /** Refuses new connections and resets those that are there, until `heal`. */
  goAway(): void
  /** Sends new connections to another port: a failover (F-23). */
  retarget(port: number): void
}

interface Pair {
  readonly caller: Socket
  readonly target: Socket
  opening: string | undefined
}

interface Trap {
  readonly text: string
  readonly next: 'unseen' | 'unanswered'
  readonly sprung: () => void
  armedOn?: Pair
}

/** Time for the target to act on what was passed on before its answer is cut off. */
const actMs = 100

export async function startFaultProxy(firstTargetPort: number): Promise<FaultProxy> {
  let targetPort = firstTargetPort
  let isAway = false
  let trap: Trap | undefined
  const swallowed = new Map<Direction, string>()
  const delays = new Map<Direction, number>()
  const pairs = new Set<Pair>()

  const server: Server = createServer((caller) => {
    if (isAway) {
      caller.resetAndDestroy()
      return
    }
    const target = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    caller.setNoDelay(true)
    const pair: Pair = { caller, target, opening: undefined }
    pairs.add(pair)
    caller.on('data', (piece) => {
      pair.opening ??= piece.toString('latin1')
      if (!springs(pair, piece)) pass('toTarget', pair, piece)
    })
    target.on('data', (piece) => pass('toCaller', pair, piece))
    for (const socket of [caller, target]) {
      socket.on('error', () => end(pair))
      socket.on('close', () => end(pair))
    }
  })

  function pass(direction: Direction, pair: Pair, piece: Buffer): void {
    const opening = swallowed.get(direction)
    if (opening !== undefined && pair.opening?.includes(opening)) return
    const to = direction === 'toTarget' ? pair.target : pair.caller
    const write = (): void => void (to.writable && to.write(piece))
    const delayMs = delays.get(direction) ?? 0
    if (delayMs > 0) setTimeout(write, delayMs)
    else write()
  }

  function springs(pair: Pair, piece: Buffer): boolean {
    if (!trap) return false
    if (trap.armedOn !== pair) {
      if (!trap.armedOn && piece.includes(trap.text)) trap.armedOn = pair
      return false
    }
    const { next, sprung } = trap
    trap = undefined
    if (next === 'unanswered') {
      pair.target.removeAllListeners('data').resume()
      pair.target.write(piece)
    }
    const endNow = (): void => {
      end(pair)
      sprung()
    }
    if (next === 'unanswered') setTimeout(endNow, actMs)
    else endNow()
    return true
  }

  function end(pair: Pair): void {
    if (!pairs.delete(pair)) return
    pair.caller.resetAndDestroy()
    pair.target.resetAndDestroy()
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy: FaultProxy = {
    port: (server.address() as { port: number }).port,
    connectionCount: () => pairs.size,
    heal() {
      isAway = false
      swallowed.clear()
      delays.clear()
    },
    blackhole: (direction, opening = '') => void swallowed.set(direction, opening),
    delay: (direction, delayMs) => void delays.set(direction, delayMs),
    reset() {
      for (const pair of [...pairs]) end(pair)
    },
    resetAfter: (text, next) =>
      new Promise((sprung) => {
        trap = { text, next, sprung }
      }),
    goAway() {
      isAway = true
      proxy.reset()
    },
    retarget(port) {
      targetPort = port
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      proxy.reset()
      await closed
    },
  }
  return proxy
}
