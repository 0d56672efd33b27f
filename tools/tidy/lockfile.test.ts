/**
 * The lockfile names packages by version and hash, not by the address that they came from: everybody has their
 * own registry. And it is whole: `npm ci` refuses one that lacks a package of another platform.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { type Lockfile, missingEntries } from '../complete-lockfile.ts'
import { repositoryRoot } from './repository.ts'

/** Names of packages with a download address, or without a hash. A package of one platform may lack its hash: the registry at hand may not have had it. */
function check(lockfile: Lockfile): readonly string[] {
  return Object.entries(lockfile.packages).flatMap(([name, entry]) => {
    if (!name.startsWith('node_modules/') || entry.link) return []
    const isForOnePlatform = entry.optional === true && entry.os !== undefined
    const isHashed = entry.integrity !== undefined || isForOnePlatform
    return entry.resolved?.includes('://') || !isHashed ? [name] : []
  })
}

test('a download address and a missing hash are found', () => {
  const packages = {
    '': {},
    'packages/server': {},
    'node_modules/curfew': { resolved: 'packages/server', link: true },
    'node_modules/good': { integrity: 'sha512-x' },
    'node_modules/elsewhere': { optional: true, os: ['darwin'], cpu: ['arm64'] },
    'node_modules/addressed': { resolved: 'https://packages.example/a.tgz', integrity: 'sha512-x' },
    'node_modules/unhashed': {},
  }
  assert.deepEqual(check({ packages }), ['node_modules/addressed', 'node_modules/unhashed'])
})

test('an optional package that is left out is found, with its platform', () => {
  const optionalDependencies = {
    '@a/linux-x64-musl': '1.0.0',
    '@a/darwin-arm64': '1.0.0',
    '@a/linux-x64-gnu': '1.0.0',
  }
  const packages = {
    'node_modules/a': { dev: true, optionalDependencies },
    'node_modules/@a/linux-x64-gnu': {},
  }
  assert.deepEqual(missingEntries({ packages }), {
    'node_modules/@a/linux-x64-musl': {
      version: '1.0.0',
      cpu: ['x64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    },
    'node_modules/@a/darwin-arm64': {
      version: '1.0.0',
      cpu: ['arm64'],
      dev: true,
      optional: true,
      os: ['darwin'],
    },
  })
})

test('package-lock.json is whole, with a hash and no download address for every package', () => {
  const lockfile = JSON.parse(
    readFileSync(path.join(repositoryRoot, 'package-lock.json'), 'utf8'),
  ) as Lockfile
  assert.ok(Object.keys(lockfile.packages).length > 100)
  assert.deepEqual(Object.keys(missingEntries(lockfile)), [], 'run tools/complete-lockfile.ts')
  assert.deepEqual(check(lockfile), [])
})
