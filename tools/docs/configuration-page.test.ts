import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configurationPage, settings } from './configuration-page.ts'

/** A number says what it counts: `port`, or a name that ends in its unit. */
const named = /(^|_)port$|(^|_)(ms|seconds|minutes|hours|days|bytes|count|count_max|second_max)$/

test('every setting has a description, and every number a default, bounds and a unit in its name', () => {
  assert.ok(settings.length > 10)
  const faults = settings.flatMap(([name, { type, description = '', minimum, maximum }]) => {
    if (!description.endsWith('.')) return [`${name} has no sentence that describes it`]
    if (type !== 'integer' && type !== 'number') return []
    if (minimum === undefined || maximum === undefined) return [`${name} has no bounds`]
    return named.test(name) ? [] : [`${name} has no unit in its name`]
  })
  assert.deepEqual(faults, [])
})

test('the page of settings has a heading for each, with its flag and its variable', () => {
  const page = configurationPage()
  for (const [name] of settings) assert.ok(page.includes(`\n## ${name}\n`), name)
  assert.match(page, /flag `--database-url` · variable `CURFEW_DATABASE_URL`/)
})
