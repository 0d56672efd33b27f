/** What a bench starts ends with it, also when the bench fails or is interrupted. */
import type { ChildProcess } from 'node:child_process'

const children = new Map<ChildProcess, NodeJS.Signals>()

/** `signal` ends the child at once: it is sent when the bench exits and has not stopped the child itself. */
export function endWithBench(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (children.size === 0) listenForTheEnd()
  children.set(child, signal)
  child.once('exit', () => children.delete(child))
}

let isListening = false

function listenForTheEnd(): void {
  if (isListening) return
  isListening = true
  process.once('exit', () => {
    for (const [child, signal] of children) child.kill(signal)
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
}
