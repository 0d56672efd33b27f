/** `curfew demo` in a process of its own, as `npm start` runs it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const main = path.resolve(import.meta.dirname, '../../src/main.ts')
const readyTimeoutMs = 60_000

export interface DemoProcess extends AsyncDisposable {
  readonly startPage: string
  /** What it has printed so far, errors included. */
  printed(): string
}

/**
 * Starts the demo on free ports from `port` on and waits for its link.
 * @param withPortal false hides every Python from it, so that the Django application is left out
 */
export async function startDemo({
  port,
  withPortal,
}: {
  port: number
  withPortal: boolean
}): Promise<DemoProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-test-'))
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, ...(withPortal ? {} : { PATH: folder }) }
  const args = ['-C', '@curfew/source', main, 'demo', '--port', String(port), '--data', folder]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  child.stderr.on('data', (text) => {
    printed += String(text)
  })
  const link = await linkOf(child, (text) => {
    printed += text
    return printed
  })
  return {
    startPage: link,
    printed: () => printed,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function linkOf(child: ChildProcess, collect: (text: string) => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const tooLong = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the demo printed no link within ${readyTimeoutMs} ms: ${collect('')}`))
    }, readyTimeoutMs)
    child.once('exit', (code) => {
      clearTimeout(tooLong)
      reject(new Error(`the demo ended with ${code}: ${collect('')}`))
    })
    child.stdout?.on('data', (text) => {
      const link = /Open {2}(http:\S+)/.exec(collect(String(text)))?.[1]
      if (!link) return
      clearTimeout(tooLong)
      resolve(link)
    })
  })
}
