import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { UserEvent } from './event.ts'
import { eventLine, lineValueLengthMax } from './event-line.ts'

const logoutError: Omit<UserEvent, 'realmName'> = {
  type: 'LOGOUT_ERROR',
  realmId: 'customers',
  clientId: 'ovirt-engine',
  accountId: undefined,
  sessionUid: undefined,
  ipAddress: '41.193.44.126',
  error: 'invalid_token',
  details: { client_auth_method: 'client-secret' },
}

describe('the event line', () => {
  test("an error without explanation is Keycloak's line of 2020, letter for letter (KE-30)", () => {
    assert.equal(
      eventLine(logoutError),
      'type=LOGOUT_ERROR, realmId=customers, clientId=ovirt-engine, userId=null, ipAddress=41.193.44.126, error=invalid_token, client_auth_method=client-secret',
    )
  })

  test('the explanation stands last and always in quotes (KE-30, KE-34)', () => {
    const line = eventLine({ ...logoutError, explanation: 'ovirt-engine sent "x".' })
    assert.equal(line, `${eventLine(logoutError)}, explanation="ovirt-engine sent \\"x\\"."`)
    assert.match(eventLine({ ...logoutError, explanation: 'word' }), /, explanation="word"$/)
  })

  test('an explanation among the details is not shown twice', () => {
    const line = eventLine({
      ...logoutError,
      details: { explanation: 'a b', reason: 'x' },
      explanation: 'a b',
    })
    assert.match(line, /error=invalid_token, reason=x, explanation="a b"$/)
  })

  test('a success has no error field, and details keep their order', () => {
    const line = eventLine({
      type: 'LOGOUT',
      realmId: 'demo',
      clientId: 'wiki',
      accountId: 'a-1',
      sessionUid: 's',
      ipAddress: '::1',
      details: { redirect_uri: 'https://wiki.example/bye?x=1', cause: 'rp_initiated' },
    })
    assert.equal(
      line,
      'type=LOGOUT, realmId=demo, clientId=wiki, userId=a-1, ipAddress=::1, redirect_uri="https://wiki.example/bye?x=1", cause=rp_initiated',
    )
  })

  test('what holds other characters is quoted, with quotes, backslashes and control characters escaped (KE-31)', () => {
    const line = eventLine({
      ...logoutError,
      clientId: 'a b',
      details: { v: 'q" \\ \n\r\t\u0000\u0085\u2028\u202e' },
    })
    assert.match(line, /clientId="a b"/)
    assert.ok(line.endsWith('v="q\\" \\\\ \\n\\r\\t\\u0000\\u0085\\u2028\\u202e"'), line)
  })

  test('an empty value and a client that is called null cannot be taken for an absent one', () => {
    assert.match(eventLine({ ...logoutError, clientId: 'null' }), /clientId="null", userId=null/)
    assert.match(eventLine({ ...logoutError, clientId: '' }), /clientId="", /)
  })

  test('with quotes=all every value is quoted, as newer Keycloak releases do (KE-31)', () => {
    assert.equal(
      eventLine(logoutError, 'all'),
      'type="LOGOUT_ERROR", realmId="customers", clientId="ovirt-engine", userId="null", ipAddress="41.193.44.126", error="invalid_token", client_auth_method="client-secret"',
    )
  })

  test('a long value is cut', () => {
    const line = eventLine({ ...logoutError, details: { v: 'x'.repeat(1_000_000) } })
    assert.ok(line.length < lineValueLengthMax + 300)
    assert.match(line, /xx…"$/)
  })

  test('no value can start a new line or a new field (KE-31)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (clientId, detail) => {
        const line = eventLine({ ...logoutError, clientId, details: { v: detail }, explanation: detail })
        assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u)
        assert.deepEqual(fieldNames(line), [
          'type',
          'realmId',
          'clientId',
          'userId',
          'ipAddress',
          'error',
          'v',
          'explanation',
        ])
      }),
    )
  })
})

/** Reads a line as a careful parser does: a field is `name=` and a bare or a quoted value. */
function fieldNames(line: string): string[] {
  const field = /(\w+)=("(?:[^"\\]|\\.)*"|[^", ]+)(?:, |$)/y
  const names: string[] = []
  while (field.lastIndex < line.length) {
    const match = field.exec(line)
    assert.ok(match, `not a line of fields: ${line}`)
    names.push(match[1] as string)
  }
  return names
}
