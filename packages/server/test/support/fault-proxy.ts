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
  /** Bytes of this direction vanish on every connection, new ones included: half-open without an error (F-19). */
  blackhole(direction: Direction): void
  /** Every piece of this direction waits so long (F-20). */
  delay(direction: Direction, delayMs: number): void
  /** Ends every connection with a reset, now. */
  reset(): void
  /** Ends the next connection on which a piece to the target contains `text`, before it is passed on (F-21). */
  resetBefore(text: string): Promise<void>
  /** The same, but the piece is passed on first and only the answer is lost (R12). */
  resetAfter(text: string): Promise<void>
  /** Refuses new connections and resets those that are there, until `heal`. */
  goAway(): void
  /** Sends new connections to another port: a failover (F-23). */
  retarget(port: number): void
}

interface Pair {
  readonly caller: Socket
  readonly target: Socket
}

interface Trap {
  readonly text: string
  readonly isPassedOn: boolean
  readonly sprung: () => void
}

/** Time for the target to act on what was passed on before its answer is cut off. */
const actMs = 100

export async function startFaultProxy(firstTargetPort: number): Promise<FaultProxy> {
  let targetPort = firstTargetPort
  let isAway = false
  let trap: Trap | undefined
  const swallowed = new Set<Direction>()
  const delays = new Map<Direction, number>()
  const pairs = new Set<Pair>()

  const server: Server = createServer((caller) => {
    if (isAway) {
      caller.resetAndDestroy()
      return
    }
    const target = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    caller.setNoDelay(true)
    const pair: Pair = { caller, target }
    pairs.add(pair)
    caller.on('data', (piece) => {
      if (!springs(pair, piece)) pass('toTarget', piece, target)
    })
    target.on('data', (piece) => pass('toCaller', piece, caller))
    for (const socket of [caller, target]) {
      socket.on('error', () => end(pair))
      socket.on('close', () => end(pair))
    }
  })

  function pass(direction: Direction, piece: Buffer, to: Socket): void {
    if (swallowed.has(direction)) return
    const delayMs = delays.get(direction) ?? 0
    const write = (): void => void (to.writable && to.write(piece))
    if (delayMs > 0) setTimeout(write, delayMs)
    else write()
  }

  function springs(pair: Pair, piece: Buffer): boolean {
    if (!trap || !piece.includes(trap.text)) return false
    const { isPassedOn, sprung } = trap
    trap = undefined
    if (isPassedOn) {
      pair.target.removeAllListeners('data').resume()
      pair.target.write(piece)
    }
    setTimeout(
      () => {
        end(pair)
        sprung()
      },
      isPassedOn ? actMs : 0,
    )
    return true
  }

  function end(pair: Pair): void {
    if (!pairs.delete(pair)) return
    pair.caller.resetAndDestroy()
    pair.target.resetAndDestroy()
  }

  const setTrap = (text: string, isPassedOn: boolean): Promise<void> =>
    new Promise((sprung) => {
      trap = { text, isPassedOn, sprung }
    })

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy: FaultProxy = {
    port: (server.address() as { port: number }).port,
    connectionCount: () => pairs.size,
    heal() {
      isAway = false
      swallowed.clear()
      delays.clear()
    },
    blackhole: (direction) => void swallowed.add(direction),
    delay: (direction, delayMs) => void delays.set(direction, delayMs),
    reset() {
      for (const pair of [...pairs]) end(pair)
    },
    resetBefore: (text) => setTrap(text, false),
    resetAfter: (text) => setTrap(text, true),
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
