/** CPU time of processes, user and system, read from the kernel (Linux), descendants included. */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ, the unit of /proc/<pid>/stat, is 100 on every Linux that Node supports. */
const ticksPerSecond = 100

/** CPU milliseconds used so far by this process and its descendants, those that have ended included. */
export function cpuMsOf(pid: number): number {
  let total = ownCpuMs(pid)
  for (const child of childrenOf(pid)) total += cpuMsOf(child)
  return total
}

/** Resident memory of this process in MiB. */
export function residentMibOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024
}

function ownCpuMs(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // the command's name, in parentheses, may hold blanks
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // utime, stime, and the same of children that have ended
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return (ticks * 1000) / ticksPerSecond
  } catch {
    return 0
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter(Boolean)
        .map(Number),
    )
  } catch {
    return []
  }
}
