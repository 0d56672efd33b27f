/** Finds a Python that can run the Django example. */
import { execFileSync } from 'node:child_process'

const minorMin = 10
const candidates = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python']

/** @returns the command of the first Python 3.10 or newer that can make virtual environments, or undefined */
export function findPython(): string | undefined {
  return candidates.find((command) => {
    try {
      const probe = `import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, ${minorMin}) else 1)`
      execFileSync(command, ['-c', probe], { stdio: 'ignore', timeout: 10_000 })
      return true
    } catch {
      return false
    }
  })
}
