import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { demoClientSecret, writeDemoRealm } from './demo-realm.ts'
import { type DemoPlan, planDemo } from './plan-demo.ts'

const plan: DemoPlan = {
  folder: '',
  serverPort: 9080,
  serverUrl: 'http://localhost:9080',
  issuer: 'http://localhost:9080/realms/demo',
  startPagePort: 9085,
  applicationPorts: { wiki: 9081, chat: 9082, files: 9083, portal: 9084 },
}

interface ClientRepresentation {
  readonly clientId: string
  readonly redirectUris: readonly string[]
  readonly attributes: Readonly<Record<string, string>>
}

test("the demo's realm has the addresses that its applications have this time", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = writeDemoRealm({ ...plan, folder })
  const { clients } = JSON.parse(readFileSync(file, 'utf8')) as { clients: readonly ClientRepresentation[] }
  const addresses = Object.fromEntries(
    clients.map((client) => [
      client.clientId,
      [client.redirectUris[0], client.attributes['backchannel.logout.url']],
    ]),
  )
  assert.deepEqual(addresses, {
    wiki: ['http://localhost:9081/*', 'http://localhost:9081/backchannel-logout'],
    chat: ['http://localhost:9082/*', 'http://localhost:9082/backchannel-logout'],
    files: ['http://localhost:9083/*', 'http://localhost:9083/backchannel-logout'],
    portal: ['http://localhost:9084/*', undefined],
  })
  assert.equal(demoClientSecret('wiki'), 'the wiki of the demo keeps no secrets')
})

test('the demo passes over a port that is taken', async (t) => {
  const taken = createServer()
  t.after(() => taken.close())
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const { serverPort, applicationPorts, startPagePort, issuer } = await planDemo(port, '')
  const ports = [serverPort, ...Object.values(applicationPorts), startPagePort]
  assert.ok(ports.every((one) => one > port))
  assert.equal(new Set(ports).size, 6)
  assert.equal(issuer, `http://localhost:${serverPort}/realms/demo`)
})
