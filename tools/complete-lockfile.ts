/**
 * Adds to package-lock.json the optional packages of other platforms that the registry at hand could not serve.
 *
 * npm leaves such packages out when it writes the lockfile, and `npm ci` then refuses the lockfile because they
 * are missing. They are never installed here, so their names say enough: version, system and processor. Run it
 * after `npm install`; `tools/tidy/lockfile.test.ts` says when it is needed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

const platform =
  /(?<os>aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-(?<cpu>arm64|arm|ia32|loong64|ppc64|riscv64|s390x|x64)(-(?<abi>[a-z]+))?$/

/** What an optional dependency's entry must be, or undefined for one whose name does not say its platform. */
function entryFor(name: string, version: string, isDev: boolean): LockedPackage | undefined {
  const { os, cpu, abi } = platform.exec(name)?.groups ?? {}
  if (!os || !cpu) return undefined
  const libc = os === 'linux' && abi ? (abi.startsWith('musl') ? ['musl'] : ['glibc']) : undefined
  return {
    version,
    cpu: [cpu],
    ...(isDev ? { dev: true } : {}),
    ...(libc ? { libc } : {}),
    optional: true,
    os: [os],
  }
}

/** The entries that are missing, by their place in the lockfile. */
export function missingEntries({ packages }: Lockfile): Readonly<Record<string, LockedPackage>> {
  const missing = Object.entries(packages).flatMap(([place, { dev = false, optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies).flatMap(([name, version]) => {
      const isThere = packages[`${place}/node_modules/${name}`] ?? packages[`node_modules/${name}`]
      const entry = isThere ? undefined : entryFor(name, version, dev)
      return entry ? [[`node_modules/${name}`, entry] as const] : []
    }),
  )
  return Object.fromEntries(missing)
}

if (import.meta.main) {
  const file = path.resolve(import.meta.dirname, '../package-lock.json')
  const lockfile = JSON.parse(readFileSync(file, 'utf8')) as Lockfile
  const missing = missingEntries(lockfile)
  const entries = Object.entries({ ...lockfile.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1))
  writeFileSync(file, `${JSON.stringify({ ...lockfile, packages: Object.fromEntries(entries) }, null, 2)}\n`)
  console.log(`${Object.keys(missing).length} packages of other platforms added to package-lock.json`)
}
