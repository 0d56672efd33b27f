/**
 * House rule 3, the network: only `sender/` opens connections, and only one file there speaks TLS to a server
 * that it has not verified.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertTidy,
  type RepositoryFile,
  repositoryFiles,
  type Violation,
  violationsOf,
} from './repository.ts'

/** Files outside of `sender/` that may, each with the reason. */
const allowed: Readonly<Record<string, string>> = {
  'packages/server/src/command/healthcheck.ts': 'asks the server on this machine, in a process of its own',
}

const unverified = 'packages/server/src/sender/tls/inspect-chain.ts'
const productCode = /^packages\/server\/src\/.*(?<!\.test)\.ts$/

/** An import of something that opens a connection or asks a resolver; servers and types are free. */
const opener =
  /^import \{[^}]*(?<!type )\b(?:connect|createConnection|request|get|fetch|Agent|Client|Pool|lookup|resolve\w*|createSocket|promises)\b[^}]*\} from '(?:undici|node:(?:net|tls|https?|http2|dgram|dns|dns\/promises))'/gm

function checkImports(file: RepositoryFile): readonly Violation[] {
  if (file.path.startsWith('packages/server/src/sender/') || file.path in allowed) return []
  return violationsOf(file, opener, () => 'opens a connection: only sender/outbound-http.ts does')
}

function checkVerification(file: RepositoryFile): readonly Violation[] {
  if (file.path === unverified) return []
  const switches = /rejectUnauthorized|NODE_TLS_REJECT_UNAUTHORIZED/g
  return violationsOf(file, switches, ([found]) => `has ${found}: verification is never switched off`)
}

test('an opener of connections outside of sender/ and a switched-off verification are found; servers and types are not', () => {
  const text = [
    "import { connect } from 'node:net'",
    "import { createServer, type Client } from 'node:http'",
    "import type { Socket } from 'node:net'",
    "import { isIP } from 'node:net'",
    "import { Pool } from 'undici'",
    'connect({ rejectUnauthorized: false })',
  ].join('\n')
  const file = { path: 'packages/server/src/page/page.ts', text }
  assert.deepEqual(
    checkImports(file).map(({ line }) => line),
    [1, 5],
  )
  assert.deepEqual(
    checkVerification(file).map(({ line }) => line),
    [6],
  )
})

test('only sender/ opens connections, and verification is switched off only to look at a broken chain', () => {
  const files = repositoryFiles(productCode)
  assert.ok(files.length > 20)
  assertTidy(files.flatMap((file) => [...checkImports(file), ...checkVerification(file)]))
})
