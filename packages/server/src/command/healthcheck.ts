/** `curfew healthcheck`: for containers, whose images have no curl (experience.md §5.4). */
import { request } from 'undici'
import type { Command } from './command.ts'

const timeoutMs = 5000

export const healthcheck: Command = {
  name: 'healthcheck',
  summary: 'ask a running server whether it is ready (exit code 0 or 1)',
  help: `curfew healthcheck                              asks http://127.0.0.1:8080/health/ready
curfew healthcheck http://127.0.0.1:9000        asks another address`,
  async run({ argv, stderr }) {
    const base = argv[0] ?? 'http://127.0.0.1:8080'
    try {
      const { statusCode, body } = await request(new URL('/health/ready', base), {
        signal: AbortSignal.timeout(timeoutMs),
      })
      const text = await body.text()
      if (statusCode === 200) return 0
      stderr(`${text}\n`)
    } catch (error) {
      stderr(`${base} does not answer: ${error instanceof Error ? error.message : String(error)}\n`)
    }
    return 1
  },
}
