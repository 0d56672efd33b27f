import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port that was free a moment ago: the base address must be known before the application starts. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}
