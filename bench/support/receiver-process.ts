/**
 * Applications in a process of their own: takes notices as it was told to and tells its parent what came when. Each
 * application has a port of its own, as in the world, or a path of its own behind one port, as behind a gateway.
 *
 *   node receiver-process.ts <ReceiverPlan as JSON>
 */
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { Behaviour, Receipt, ReceiverPlan } from './receivers.ts'

const plan = JSON.parse(process.argv[2] ?? '') as ReceiverPlan
const dripEveryMs = 1000
let receivedCount = 0
let lastAt = 0
let receipts: Receipt[] = []

const take: RequestListener = (request, response) => {
  const behaviour = plan.behaviours[Number(/^\/app-(\d+)\//.exec(request.url ?? '')?.[1])]
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => {
    if (plan.notesSids) chunks.push(chunk)
  })
  request.on('end', () => answer(behaviour, response, chunks))
}

function answer(behaviour: Behaviour | undefined, response: ServerResponse, chunks: readonly Buffer[]): void {
  if (behaviour === 'never_answer') return
  if (behaviour === 'unavailable') response.writeHead(503).end()
  else if (behaviour === 'drip') drip(response)
  else if (typeof behaviour === 'number') setTimeout(() => accept(response, chunks), behaviour)
  else accept(response, chunks)
}

function accept(response: ServerResponse, chunks: readonly Buffer[]): void {
  receivedCount += 1
  lastAt = performance.timeOrigin + performance.now()
  if (plan.notesSids) receipts.push({ sid: sidOf(Buffer.concat(chunks).toString()), at: lastAt })
  response.writeHead(200, { 'cache-control': 'no-store' }).end()
}

/** The whole answer would take minutes; whoever waits for it waits for ever. */
function drip(response: ServerResponse): void {
  response.writeHead(200)
  const timer = setInterval(() => response.write('.'), dripEveryMs)
  response.on('close', () => clearInterval(timer))
}

function sidOf(body: string): string {
  const payload = body.split('.')[1] ?? ''
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid?: string }).sid ?? ''
}

const ports: number[] = []
for (let index = 0; index < (plan.isOneOrigin ? 1 : plan.behaviours.length); index++) {
  const server = createServer(take)
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve))
  ports.push((server.address() as { port: number }).port)
}
process.send?.({ ports })
process.on('message', (message) => {
  if (message === 'reset') {
    receivedCount = 0
    lastAt = 0
    receipts = []
  }
  const taken = message === 'receipts' ? receipts.splice(0) : []
  process.send?.({ receivedCount, lastAt, receipts: taken })
})
process.on('disconnect', () => process.exit(0))
