/**
 * Applications in a process of their own: answers 200 to every notice and tells its parent when each came. With
 * many ports, each application has an address of its own, as in the world.
 *
 *   node receiver-process.ts <ports> [delayMs]
 */
import { createServer } from 'node:http'

const portCount = Number(process.argv[2] ?? 1)
const delayMs = Number(process.argv[3] ?? 0)
let receivedCount = 0
let lastAt = 0

const ports: number[] = []
for (let index = 0; index < portCount; index++) {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      const answer = (): void => {
        receivedCount += 1
        lastAt = performance.timeOrigin + performance.now()
        response.writeHead(200, { 'cache-control': 'no-store' }).end()
      }
      if (delayMs > 0) setTimeout(answer, delayMs)
      else answer()
    })
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve))
  ports.push((server.address() as { port: number }).port)
}
process.send?.({ ports })
process.on('message', (message) => {
  if (message === 'reset') {
    receivedCount = 0
    lastAt = 0
  }
  process.send?.({ receivedCount, lastAt })
})
process.on('disconnect', () => process.exit(0))
