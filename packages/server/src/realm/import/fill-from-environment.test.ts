import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillFromEnvironment } from './fill-from-environment.ts'

const env = {
  APP_URL: 'https://app.example',
  APP_SECRET: 'a"b\\c',
  LIFE: '77',
  lower: 'low',
  CURFEW_SECRET: 'ours',
}

const filled = (text: string): string => fillFromEnvironment(text, env).text

test('variables are filled anywhere in a file, inside texts and as numbers, and named once (§19)', () => {
  const text = '{"a":"${APP_URL}/*","b":"${lower}","n":${LIFE},"s":"${APP_SECRET}"}'
  const { text: made, names } = fillFromEnvironment(text, env)
  assert.deepEqual(JSON.parse(made), {
    a: 'https://app.example/*',
    b: 'low',
    n: 77,
    s: 'a"b\\c',
  })
  assert.deepEqual(names, ['APP_SECRET', 'APP_URL', 'LIFE', 'lower'])
})

test('a default stands in for a variable that is not set; without one the text stays for the report', () => {
  assert.equal(filled('"${NONE:8080}" "${NONE:}" "${NONE}" "${LIFE:5}"'), '"8080" "" "${NONE}" "77"')
})

test("what is escaped, Keycloak's own keys and the server's own settings are left alone", () => {
  const text =
    '"${client_account}" "${authBaseUrl}" "${role_default-roles}" "${CURFEW_SECRET}" "${CURFEW_X:1}"'
  assert.equal(filled(text), text)
})
