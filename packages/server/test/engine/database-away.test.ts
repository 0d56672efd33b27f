import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kysely } from 'kysely'
import { CurfewError } from '../../src/errors.ts'
import type { Tables } from '../../src/store/tables.ts'
import { forEachDatabase } from '../support/database.ts'
import { startOpHost } from '../support/op-host.ts'

forEachDatabase('a database that goes away while a person signs in', (database) => {
  test('is 503 with Retry-After on the way back from the sign-in page: a page for people, JSON for programs', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store, clients: [{ clientId: 'wiki' }] })
    const browser = host.browser()
    const first = await browser.get(host.rp('wiki').authorizationUrl())
    const resume = await browser.submit(await browser.follow(first, host.origin), { username: 'alice' })
    assert.match(resume.location ?? '', /\/protocol\/openid-connect\/auth\/[\w-]+$/)
    const away = {
      executeQuery: () => Promise.reject(new CurfewError('CURFEW_STORE_UNAVAILABLE', 'It is away.')),
    }
    Object.assign(store.read, { quick: away as unknown as Kysely<Tables> })
    const ask = (accept: string) => browser.get(resume.location ?? '', { accept })
    const forPeople = await ask('text/html')
    assert.equal(forPeople.status, 503)
    assert.match(forPeople.text, /unavailable/)
    const forPrograms = await ask('application/json')
    assert.equal(forPrograms.status, 503)
    assert.equal(JSON.parse(forPrograms.text).error, 'temporarily_unavailable')
    assert.equal(forPrograms.headers['retry-after'], '5')
  })
})
