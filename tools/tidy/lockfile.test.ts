/**
 * The lockfile names packages by version and hash, not by the address that they came from: everybody has their
 * own registry.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { repositoryRoot } from './repository.ts'

interface Lockfile {
  readonly packages: Readonly<Record<string, { resolved?: string; link?: boolean; integrity?: string }>>
}

/** Names of packages with a download address, or without a hash. */
function check(lockfile: Lockfile): readonly string[] {
  return Object.entries(lockfile.packages).flatMap(([name, entry]) => {
    if (!name.startsWith('node_modules/') || entry.link) return []
    return entry.resolved?.includes('://') || !entry.integrity ? [name] : []
  })
}

test('a download address and a missing hash are found', () => {
  const packages = {
    '': {},
    'packages/server': {},
    'node_modules/curfew': { resolved: 'packages/server', link: true },
    'node_modules/good': { integrity: 'sha512-x' },
    'node_modules/addressed': { resolved: 'https://packages.example/a.tgz', integrity: 'sha512-x' },
    'node_modules/unhashed': {},
  }
  assert.deepEqual(check({ packages }), ['node_modules/addressed', 'node_modules/unhashed'])
})

test('package-lock.json has a hash and no download address for every package', () => {
  const lockfile = JSON.parse(
    readFileSync(path.join(repositoryRoot, 'package-lock.json'), 'utf8'),
  ) as Lockfile
  assert.ok(Object.keys(lockfile.packages).length > 100)
  assert.deepEqual(check(lockfile), [])
})
