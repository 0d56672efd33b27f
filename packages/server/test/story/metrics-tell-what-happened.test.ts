/** What a monitoring system reads from a running server after people, applications and administrators have used it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { catalogue, labels as catalogueLabels } from '../../src/telemetry/catalogue.ts'
import { type Administrator, adminEnvironment, signInAsAdministrator } from '../support/administrator.ts'
import { forEachDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

forEachDatabase('GET /metrics of a running server (experience.md §5.5, D15)', (database) => {
  let receiver: Receiver
  let world: WholeServer
  let root: Administrator
  before(async () => {
    receiver = await startReceiver()
    const told = (clientId: string) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) })
    const frontchannel = { 'frontchannel.logout.url': 'https://framed.example/out' }
    world = await startWholeServer(
      database,
      {
        clients: [
          told('wiki'),
          told('stubborn'),
          { clientId: 'mute' },
          { clientId: 'framed', frontchannelLogout: true, attributes: frontchannel },
        ],
      },
      adminEnvironment,
    )
    root = await signInAsAdministrator(world.url)
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  async function scrape(): Promise<string> {
    return (await fetch(`${world.url}/metrics`)).text()
  }

  /** 0 for a series that is not there yet. */
  function valueIn(text: string, series: string): number {
    const line = text.split('\n').find((one) => one.startsWith(`${series} `))
    return Number(line?.slice(series.length + 1) ?? 0)
  }

  /** Verdicts are counted a moment after they are written. */
  async function until(series: string, value: number): Promise<string> {
    for (let turn = 0; ; turn++) {
      const text = await scrape()
      if (valueIn(text, series) === value) return text
      if (turn === 100) assert.fail(`${series} is not ${value} in\n${ownLines(text)}`)
      await wait(50)
    }
  }

  /** What a failure shows. */
  function ownLines(text: string): string {
    return (text.match(/^curfew_(?!.*_bucket).*$/gm) ?? []).join('\n')
  }

  async function signIn(...clientIds: readonly string[]) {
    const agent = world.browser()
    let idToken = ''
    for (const clientId of clientIds) idToken = (await world.rp(clientId).signIn(agent)).id_token ?? ''
    return { agent, idToken }
  }

  test('has every metric with its type, its sentence and no other label than those that are documented', async () => {
    const text = await scrape()
    for (const [name, { type, help, labels }] of Object.entries(catalogue)) {
      assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name)
      const used = [...text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\}`, 'gm'))].flatMap(
        ([, inside = '']) => [...inside.matchAll(/(\w+)="/g)].map(([, label]) => label ?? ''),
      )
      const known = new Set<string>([...labels, ...(type === 'histogram' ? ['le'] : [])])
      assert.deepEqual(
        used.filter((label) => !known.has(label)),
        [],
        name,
      )
    }
    const named = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name ?? '')
    const own = named.filter((name) => /^(curfew|http)_/.test(name))
    assert.deepEqual(own.sort(), Object.keys(catalogue).sort())
    const used = new Set<string>(Object.values(catalogue).flatMap((facts) => [...facts.labels]))
    assert.deepEqual([...used].sort(), Object.keys(catalogueLabels).sort())
  })

  test('counts a sign-in, a sign-out, and each application by its verdict; a frame is one, no channel is another', async () => {
    // the other tests of this server have counted too, in whatever order
    const before = await scrape()
    const { agent, idToken } = await signIn('mute', 'framed', 'wiki')
    assert.ok(valueIn(await scrape(), 'curfew_sessions_active{realm="test"}') > 0)
    await agent.get(world.rp('wiki').logoutUrl({ id_token_hint: idToken }))
    const finished = 'curfew_sign_out_duration_seconds_count{realm="test"}'
    const text = await until(finished, valueIn(before, finished) + 1)
    for (const [series, grown] of [
      ['curfew_sign_ins_total{realm="test",method="password",outcome="ok"}', 1],
      ['curfew_sign_ins_total{realm="test",method="session",outcome="ok"}', 2],
      ['curfew_tokens_issued_total{realm="test",grant="authorization_code"}', 3],
      ['curfew_sign_outs_total{realm="test",initiator="user"}', 1],
      ['curfew_sign_out_unsupported_total{realm="test",application="mute"}', 1],
      [
        'curfew_deliveries_total{realm="test",application="framed",channel="oidc-front-channel",outcome="unconfirmed"}',
        1,
      ],
      [
        'curfew_deliveries_total{realm="test",application="wiki",channel="oidc-back-channel",outcome="accepted"}',
        1,
      ],
      ['curfew_delivery_attempts_total{realm="test",application="wiki",reason="ok"}', 1],
      ['curfew_delivery_duration_seconds_count{realm="test",channel="oidc-back-channel"}', 1],
      ['curfew_deliveries_untold{realm="test",application="framed"}', 1],
    ] as const) {
      assert.equal(valueIn(text, series) - valueIn(before, series), grown, `${series}\n${ownLines(text)}`)
    }
    for (const line of [
      'curfew_tokens_issued_total{realm="master",grant="password"} 1',
      'curfew_deliveries_pending{realm="test",application="wiki"} 0',
      'curfew_endpoint_paused{realm="test",application="wiki"} 0',
      'curfew_delivery_lease_expiries_total 0',
      'curfew_delivery_fence_rejections_total 0',
    ]) {
      assert.ok(text.includes(`${line}\n`), `${line}\n${ownLines(text)}`)
    }
  })

  test('measures requests by the pattern of their address, those that the engine answers too', async () => {
    const requests = (method: string, status: number, route: string): string =>
      `http_server_request_duration_seconds_count{http_request_method="${method}",http_response_status_code="${status}",http_route="${route}",url_scheme="http"}`
    const text = await scrape()
    // the administrator has asked for a token
    assert.ok(valueIn(text, requests('POST', 200, '/realms/:realm/protocol/openid-connect/token')) > 0, text)
    assert.doesNotMatch(text, /http_route="[^"]*realms\/(test|master)/)
    await fetch(`${world.url}/nothing/here`)
    await until(requests('GET', 404, ''), 1)
  })

  test('a withdrawn delivery has its event with the reason, and is counted as cancelled (D12, KE-06)', async () => {
    receiver.behave('stubborn', 503)
    const { idToken, agent } = await signIn('stubborn')
    const tries = world.errors().length
    await agent.get(world.rp('stubborn').logoutUrl({ id_token_hint: idToken }))
    await until('curfew_deliveries_pending{realm="test",application="stubborn"}', 1)
    await until(
      'curfew_delivery_attempts_total{realm="test",application="stubborn",reason="http.server_error"}',
      1,
    )
    const { signOuts } = (await root.get('test/sign-outs?client=stubborn')).body
    const path = `test/sign-outs/${signOuts[0].id}`
    const { id } = (await root.get(path)).body.applications[0].deliveries[0]
    const reason = 'it is switched off for good'
    assert.equal((await root.post(`${path}/deliveries/${id}/cancel`, { reason })).status, 204)

    const outcome = 'application="stubborn",channel="oidc-back-channel",outcome="cancelled"'
    const text = await until(`curfew_deliveries_total{realm="test",${outcome}}`, 1)
    assert.match(text, /^curfew_deliveries_pending\{realm="test",application="stubborn"\} 0$/m)
    const [event, ...more] = world.errors().slice(tries)
    assert.deepEqual([event?.type, event?.error, more], ['LOGOUT_DELIVERY_ERROR', 'cancelled', []])
    assert.deepEqual(
      [event?.details['delivery_id'], event?.details['detail'], event?.details['reason']],
      [id, 'operator', reason],
    )
    assert.match(
      event?.explanation ?? '',
      /withdrew .* stubborn .*: it is switched off for good\. It had been tried once/,
    )
  })
})
