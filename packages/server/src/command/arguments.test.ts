import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readArguments } from './arguments.ts'

const read = (...argv: string[]) => readArguments(argv, new Set(['dev']), new Set(['import-realm']))

test('flags are read with a blank, with an equals sign, as switches and as their negation', () => {
  assert.deepEqual(read('serve', '--port', '80', '--host=::1', '--dev'), {
    positionals: ['serve'],
    flags: { port: '80', host: '::1', dev: true },
  })
  assert.deepEqual(read('--no-dev').flags, { dev: false })
  assert.deepEqual(read('--dev', 'false', 'serve'), { positionals: ['serve'], flags: { dev: 'false' } })
})

test('a list takes several values after one flag, or the flag several times', () => {
  assert.deepEqual(read('--import-realm', 'a', 'b', '--import-realm=c').flags, {
    'import-realm': ['a', 'b', 'c'],
  })
})

test('a flag that needs a value and has none keeps an empty one, which the settings refuse by name', () => {
  assert.deepEqual(read('--port').flags, { port: '' })
})

test('a single setting given twice becomes a list, which the settings refuse by name', () => {
  assert.deepEqual(read('--port', '1', '--port', '2').flags, { port: ['1', '2'] })
})
