/**
 * Ends a server that is to stop: requests in flight finish, and no connection outlives them. Node closes the
 * connections that are idle when the close begins, and keeps one whose last answer leaves afterwards for as long as it
 * keeps any, which is longer than who stops us waits.
 */
import type { FastifyInstance } from 'fastify'
import type { Timer } from '../ambient/timer.ts'

const lookEveryMs = 50

/** Resolves when the last connection has ended; those that are still at work after `graceMs` are cut. */
export async function closeHttp(app: FastifyInstance, timer: Timer, graceMs: number): Promise<void> {
  let cancelLook = (): void => undefined
  const look = (): void => {
    app.server.closeIdleConnections()
    cancelLook = timer.after(lookEveryMs, look)
  }
  const cancelCut = timer.after(graceMs, () => app.server.closeAllConnections())
  const closed = app.close()
  look()
  try {
    await closed
  } finally {
    cancelLook()
    cancelCut()
  }
}
