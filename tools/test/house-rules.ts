/**
 * Loaded into every test process (`node --import`): a test reaches nothing outside this machine, and what it
 * opens it closes.
 *
 * A test that connects elsewhere gets `ENETUNREACH`, whatever the name resolves to. A test file that still holds
 * a server, a connection or a child process two seconds after its last test fails and says which.
 */
import dns from 'node:dns'
import net from 'node:net'
import { after } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

const leftoverWaitMs = 2_000
const pollMs = 20

type Connect = (this: net.Socket, ...args: unknown[]) => net.Socket
type LookupCallback = (error: Error | null, address?: unknown, family?: number) => void

denyOutsideNetwork()
after(failOnLeftovers)
after(untilReported)

function denyOutsideNetwork(): void {
  const connect = net.Socket.prototype.connect as Connect
  net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
    const options = connectOptions(args)
    if (!options?.host) return connect.apply(this, args)
    if (net.isIP(options.host) !== 0) {
      if (isLoopback(options.host)) return connect.apply(this, args)
      process.nextTick(() => this.destroy(denied(`${options.host}:${options.port}`)))
      return this
    }
    options.lookup = loopbackOnly(options.lookup ?? dns.lookup)
    return connect.apply(this, args)
  } as typeof net.Socket.prototype.connect
}

type ConnectOptions = { host?: string; port?: number; lookup?: typeof dns.lookup }

/** `connect(options)`, or the list that `net.connect` makes of its arguments; a port and host become options. */
function connectOptions(args: unknown[]): ConnectOptions | undefined {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0]
  if (typeof first === 'object' && first !== null) return first as ConnectOptions
  if (typeof first !== 'number' || typeof args[1] !== 'string') return undefined
  const options = { port: first, host: args[1] }
  args.splice(0, 2, options)
  return options
}

function loopbackOnly(lookup: typeof dns.lookup): typeof dns.lookup {
  const guarded = (name: string, options: dns.LookupOptions, callback: LookupCallback): void => {
    const answer: LookupCallback = (error, address, family) => {
      const found = (Array.isArray(address) ? address.map((entry) => entry.address) : [address]) as string[]
      if (error || found.every(isLoopback)) callback(error, address, family)
      else callback(denied(name))
    }
    ;(lookup as unknown as typeof guarded)(name, options, answer)
  }
  return guarded as unknown as typeof dns.lookup
}

function isLoopback(address: string): boolean {
  return /^(127\.|::1$|::ffff:127\.|0\.0\.0\.0$|::$)/.test(address)
}

function denied(where: string): Error {
  return Object.assign(new Error(`a test may not leave this machine: ${where}`), { code: 'ENETUNREACH' })
}

async function failOnLeftovers(): Promise<void> {
  for (let waitedMs = 0; leftovers().length > 0; waitedMs += pollMs) {
    if (waitedMs >= leftoverWaitMs)
      throw new Error(`the tests of this file left open: ${leftovers().join(', ')}`)
    await delay(pollMs)
  }
}

/** The runner ends the process by force (`--test-force-exit`), and what it has not written by then would be lost. */
async function untilReported(): Promise<void> {
  do await delay(pollMs)
  while (process.stdout.writableLength > 0)
}

function leftovers(): readonly string[] {
  const kept = new Set(['TCPServerWrap', 'TCPSocketWrap', 'TLSWrap', 'ProcessWrap', 'MessagePort'])
  return process.getActiveResourcesInfo().filter((name) => kept.has(name))
}
