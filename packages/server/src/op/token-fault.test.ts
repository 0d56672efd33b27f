import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { explainInvalidToken, type TokenFault } from './token-fault.ts'

const at = Date.UTC(2026, 10, 22, 11, 0)
const context = {
  clientId: 'wiki',
  expected: 'refresh token',
  realmName: 'demo',
  issuer: 'https://id.example/realms/demo',
} as const

/** One of each: a cause that is added without a sentence here does not compile. */
const causes: {
  readonly [R in TokenFault['reason']]: readonly [Extract<TokenFault, { reason: R }>, RegExp]
} = {
  not_a_jwt: [
    { reason: 'not_a_jwt' },
    /^wiki sent a value that is not a JWT where a refresh token belongs\..*encoded twice/,
  ],
  other_issuer: [
    { reason: 'other_issuer', issuer: 'https://old.example/auth/realms/demo' },
    /issued by https:\/\/old\.example\/auth\/realms\/demo, but this realm's issuer is https:\/\/id\.example\/realms\/demo\. The host name or the \/auth prefix changed/,
  ],
  unknown_key: [
    { reason: 'unknown_key', kid: 'k9' },
    /not signed by a key of the realm demo \(kid k9\).*another realm or server/,
  ],
  retired_key: [
    { reason: 'retired_key', kid: 'k1' },
    /signed by the key k1, which is no longer in the key set.*passive/,
  ],
  signature_invalid: [{ reason: 'signature_invalid' }, /signature does not fit/],
  wrong_kind: [
    { reason: 'wrong_kind', kind: 'Bearer' },
    /a token of the kind Bearer where a refresh token belongs/,
  ],
  other_client: [
    { reason: 'other_client', clientId: 'chat' },
    /issued for chat\. Two applications share one session store/,
  ],
  client_unknown: [
    { reason: 'client_unknown', clientId: 'chat' },
    /issued for chat, which is no longer registered/,
  ],
  client_disabled: [{ reason: 'client_disabled', clientId: 'chat' }, /issued for chat, which is disabled/],
  expired: [{ reason: 'expired', expiredAt: Date.UTC(2026, 10, 22, 10, 42) }, /expired at 10:42\. .*clocks/],
  not_before: [
    { reason: 'not_before', level: 'realm', notBeforeAt: Date.UTC(2026, 10, 22, 10, 42) },
    /older than the realm's not-before, which was set to 10:42\. An administrator/,
  ],
  revoked: [{ reason: 'revoked' }, /was revoked/],
  rotated: [{ reason: 'rotated' }, /already replaced by a newer one and used again.*refresh at once.*copied/],
  session_ended: [
    { reason: 'session_ended', end: { cause: 'administrator', committedAt: Date.UTC(2026, 10, 22, 10, 42) } },
    /belongs to a session that ended at 10:42 by an administrator/,
  ],
  session_expired: [{ reason: 'session_expired' }, /idle time or its greatest age/],
  account_disabled: [{ reason: 'account_disabled' }, /of an account that is disabled or deleted/],
  unknown: [{ reason: 'unknown' }, /nothing is stored any more.*old backup/],
  key_not_proven: [
    { reason: 'key_not_proven', fault: 'proof_missing' },
    /^wiki sent a refresh token and no proof of the key that it is bound to\./,
  ],
}

describe('the sentence of invalid_token (KR-20)', () => {
  for (const [reason, [fault, expected]] of Object.entries(causes)) {
    test(`${reason}: names the application, the cause and what to do`, () => {
      const sentence = explainInvalidToken(fault, context, at)
      assert.match(sentence, expected)
      assert.match(sentence, /\bwiki\b/)
      assert.match(sentence, /\.$/)
    })
  }

  test('a session that ended without a record is said to have ended', () => {
    const sentence = explainInvalidToken({ reason: 'session_ended', end: undefined }, context, at)
    assert.match(sentence, /belongs to a session that ended\. /)
  })

  test('another day is named by its date', () => {
    const expiredAt = Date.UTC(2026, 10, 20, 9, 5)
    assert.match(
      explainInvalidToken({ reason: 'expired', expiredAt }, context, at),
      /expired on 2026-11-20 at 09:05/,
    )
  })

  test('a value from outside is cut, so that a token in the wrong place does not get into the log whole', () => {
    const issuer = `https://${'a'.repeat(5000)}`
    assert.ok(explainInvalidToken({ reason: 'other_issuer', issuer }, context, at).length < 600)
  })
})
