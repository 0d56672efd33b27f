/**
 * A real Chromium for tests, driven by playwright-core.
 *
 * An installed one is used where there is one: `CURFEW_CHROMIUM`, else the usual names in PATH. Otherwise the
 * one that comes with `npm ci`, as the package `@sparticuz/chromium`: a headless shell, packed with brotli and
 * made for a machine with nothing on it. What it needs of the system is glibc; `libnss3` and `libnspr4` are the
 * only libraries that a bare Debian lacks, and the package has them with it (`al2023.tar.br`), so they are
 * unpacked too and put behind the system's own when the first start fails without them.
 *
 * It is unpacked once, to a folder of the user that is named after the package's version. The package's own
 * `executablePath()` is not called in this process: it unpacks to a fixed name in the temporary folder, and two
 * test files that start together would run a half-written program.
 */
import { execFile } from 'node:child_process'
import { access, constants, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

export interface InstalledBrowser {
  readonly executablePath: string
  /** Unpacked by us: with libraries of its own and a legible font. */
  readonly folder: string | undefined
}

/** The browser of this machine, unpacked from the package if there is no other. */
export async function findBrowser(): Promise<InstalledBrowser> {
  const asked = process.env['CURFEW_CHROMIUM']
  if (asked) return { executablePath: asked, folder: undefined }
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      const executablePath = join(folder, name)
      if (await isExecutable(executablePath)) return { executablePath, folder: undefined }
    }
  }
  const folder = await unpack()
  return { executablePath: join(folder, 'chromium'), folder }
}

/** Starts it. The caller closes it (`await using`). */
export async function launchBrowser(): Promise<Browser & AsyncDisposable> {
  const { executablePath, folder } = await findBrowser()
  // a sandbox needs privileges that containers rarely give; only our own pages are opened
  const options = { executablePath, headless: true, args: ['--no-sandbox', '--font-render-hinting=none'] }
  const env = folder ? { FONTCONFIG_FILE: join(folder, 'fontconfig.conf') } : {}
  const browser = await chromium
    .launch({ ...options, env: { ...process.env, ...env } })
    .catch((error: unknown) => {
      if (!folder || !String(error).includes('shared libraries')) throw error
      const libraries = [process.env['LD_LIBRARY_PATH'], join(folder, 'al2023', 'lib')]
        .filter(Boolean)
        .join(':')
      return chromium.launch({ ...options, env: { ...process.env, ...env, LD_LIBRARY_PATH: libraries } })
    })
  return browser as Browser & AsyncDisposable
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

async function unpack(): Promise<string> {
  const manifest = join(require.resolve('@sparticuz/chromium'), '..', '..', 'package.json')
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'curfew-tests')
  const folder = join(cache, `chromium-${version}`)
  if (await isExecutable(join(folder, 'chromium'))) return folder
  await mkdir(cache, { recursive: true })
  const partial = await mkdtemp(join(cache, 'unpacking-'))
  const unpackAll = "import('@sparticuz/chromium').then((c) => c.default.executablePath())"
  await run(process.execPath, ['--input-type=module', '-e', unpackAll], {
    cwd: import.meta.dirname,
    // the package unpacks to TMPDIR, and its libraries only where it believes itself to be on Lambda
    env: { ...process.env, TMPDIR: partial, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' },
  })
  await writeFile(join(partial, 'fontconfig.conf'), fontconfig(folder))
  // another test file may have been faster; both hold the same
  await rename(partial, folder).catch(() => rm(partial, { recursive: true, force: true }))
  return folder
}

const preferOpenSans = (family: string): string =>
  `<match target="pattern"><test name="family"><string>${family}</string></test><edit name="family" mode="prepend" binding="strong"><string>Open Sans</string></edit></match>`

/** The system's fonts, and the one of the package for `system-ui`, so that screenshots look alike everywhere. */
function fontconfig(folder: string): string {
  return `<?xml version="1.0"?>
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/font-cache</cachedir>
  ${['system-ui', 'sans-serif', 'sans'].map(preferOpenSans).join('\n  ')}
</fontconfig>
`
}
