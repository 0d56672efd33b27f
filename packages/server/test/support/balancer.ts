/** A load balancer without memory: each new connection goes to the next server, or to the one after it when that is away. */
import { connect, createServer, type Socket } from 'node:net'

export interface Balancer extends AsyncDisposable {
  readonly port: number
  /** Where new connections go from now on. */
  serve(ports: readonly number[]): void
}

export async function startBalancer(): Promise<Balancer> {
  let targets: readonly number[] = []
  let turn = 0
  const callers = new Set<Socket>()
  const server = createServer((caller) => {
    callers.add(caller)
    caller.on('error', () => undefined)
    caller.once('close', () => callers.delete(caller))
    turn += 1
    const inTurn = targets.map((_, index) => targets[(turn + index) % targets.length] as number)
    join(caller, inTurn)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as { port: number }).port,
    serve(ports) {
      targets = ports
    },
    async [Symbol.asyncDispose]() {
      for (const caller of callers) caller.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}

/** Nothing of the request is read before a server has accepted: then it has gone to one of them at most. */
function join(caller: Socket, [port, ...others]: readonly number[]): void {
  if (port === undefined) {
    caller.destroy()
    return
  }
  const target = connect(port, '127.0.0.1')
  let isJoined = false
  target.once('connect', () => {
    isJoined = true
    caller.pipe(target).pipe(caller)
  })
  target.on('error', () => (isJoined ? caller.destroy() : join(caller, others)))
  target.once('close', () => isJoined && caller.destroy())
  caller.once('close', () => target.destroy())
}
