/**
 * The port. It is bound before anything is built, because with port 0 the public address, and with it every
 * issuer, is known only then; nothing is answered until the server is whole.
 */
import { createServer, type Server } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Settings } from '../config/schema.ts'
import { CurfewError } from '../errors.ts'

export interface Listening {
  readonly url: string
  /** Hands the port over. */
  accept(app: FastifyInstance, management: FastifyInstance | undefined): Promise<void>
  release(): Promise<void>
}

export async function listen(settings: Settings): Promise<Listening> {
  const holder = await hold(settings.host, settings.port)
  const { port } = holder.address() as { port: number }
  const release = (): Promise<void> => new Promise((resolve) => holder.close(() => resolve()))
  return {
    url: (settings.url ?? defaultUrl(settings.host, port)).replace(/\/+$/, ''),
    release,
    async accept(app, management) {
      await release()
      await app.listen({ host: settings.host, port })
      if (management) await management.listen({ host: settings.host, port: settings.management_port ?? 0 })
    },
  }
}

/** @throws CURFEW_CONFIG_INVALID when the port is taken or the address is not one of this machine */
function hold(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const text =
        cause.code === 'EADDRINUSE'
          ? `Port ${port} of ${host} is taken. Stop what listens there, or choose another with --port.`
          : `Cannot listen on ${host} port ${port}: ${cause.message}.`
      reject(new CurfewError('CURFEW_CONFIG_INVALID', text, { cause }))
    })
    server.listen(port, host, () => resolve(server))
  })
}

/** The public address of a server that was given none: this machine, by the name that browsers treat as secure. */
export function defaultUrl(host: string, port: number): string {
  const isLoopback = host === '127.0.0.1' || host === '::1' || host === '0.0.0.0' || host === '::'
  return `http://${isLoopback ? 'localhost' : host}:${port}`
}
