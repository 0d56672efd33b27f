import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { judgeAddress, judgeUrl, type OutboundTarget } from './address-guard.ts'
import { explainBlocked } from './explain-blocked.ts'
import {
  type AllowEntry,
  defaultOutboundPorts,
  type OutboundPolicy,
  parseOutboundAllow,
} from './outbound-policy.ts'

const strict: OutboundPolicy = {
  allow: [],
  ports: defaultOutboundPorts,
  allowLinkLocal: false,
  isDev: false,
  ownUrl: new URL('https://id.example.com/auth/'),
}
const allowing = (texts: readonly string[], more: Partial<OutboundPolicy> = {}): OutboundPolicy => ({
  ...strict,
  allow: texts.map(entryOf),
  ...more,
})
const entryOf = (text: string): AllowEntry => {
  const read = parseOutboundAllow(text)
  if (!read.ok) throw new Error(read.problem)
  return read.entry
}
const reasonOf = (url: string, policy = strict): string | undefined => {
  const judged = judgeUrl(url, policy)
  return judged.ok ? undefined : judged.reason
}
const target = (of: Partial<OutboundTarget> = {}): OutboundTarget => ({
  host: 'crm.example.com',
  port: 443,
  isPlainHttp: false,
  ...of,
})

describe('judgeUrl', () => {
  test('an https address on 443 or 8443 may be called, with its query kept (BCL-03, BCL-04)', () => {
    for (const url of [
      'https://crm.example.com/bc',
      'https://crm.example.com:8443/bc?a=1&b=%20',
      'https://8.8.8.8/',
    ]) {
      assert.equal(reasonOf(url), undefined, url)
    }
  })

  test('what is not a plain address of an application is refused by its reason', () => {
    const wanted: readonly (readonly [string, string])[] = [
      ['', 'config.bad_url'],
      ['crm.example.com/bc', 'config.bad_url'],
      ['/bc', 'config.bad_url'],
      ['https:crm.example.com', 'config.bad_url'],
      ['https:///bc', 'config.bad_url'],
      ['javascript:alert(1)', 'config.bad_url'],
      ['ftp://crm.example.com/', 'config.bad_url'],
      ['file:///etc/passwd', 'config.bad_url'],
      ['https://user@crm.example.com/', 'config.bad_url'],
      ['https://user:pass@crm.example.com/', 'config.bad_url'],
      ['https://crm.example.com/ bc', 'config.bad_url'],
      ['https://crm.example.com/\tbc', 'config.bad_url'],
      ['https://crm.example.com\\@127.0.0.1/', 'config.bad_url'],
      ['https://crm.example.com\n/', 'config.bad_url'],
      ['https://münchen.example/', 'config.bad_url'],
      [`https://crm.example.com/${'a'.repeat(2048)}`, 'config.bad_url'],
      ['https://crm.example.com/#x', 'config.fragment'],
      ['https://crm.example.com/#', 'config.fragment'],
      ['https://${application.session.host}/k', 'config.placeholder'],
      ['https://*.example.com/', 'config.placeholder'],
      ['http://crm.example.com/', 'config.plain_http'],
      ['https://crm.example.com:22/', 'policy.port'],
      ['https://crm.example.com:9443/', 'policy.port'],
      ['https://id.example.com/auth/realms/x', 'config.own_host'],
      ['https://id.example.com:443/auth/', 'config.own_host'],
      ['https://10.0.0.1/', 'policy.private_address'],
      ['https://[::1]/', 'policy.private_address'],
    ]
    for (const [url, reason] of wanted) assert.equal(reasonOf(url), reason, url)
  })

  test('an application beside the server on one host is not the server', () => {
    assert.equal(reasonOf('https://id.example.com/crm/logout'), undefined)
    assert.equal(reasonOf('https://id.example.com/authority'), undefined)
  })

  test('an allow entry opens its ports, plain http and private addresses, and nothing beside them', () => {
    const policy = allowing(['10.1.0.0/16:8080,443', 'crm.internal:80', '*.apps.internal:*'])
    assert.equal(reasonOf('http://10.1.2.3:8080/', policy), undefined)
    assert.equal(reasonOf('https://10.1.2.3/', policy), undefined)
    assert.equal(reasonOf('http://10.1.2.3/', policy), 'policy.private_address')
    assert.equal(reasonOf('http://10.2.2.3:8080/', policy), 'policy.private_address')
    assert.equal(reasonOf('http://crm.internal/', policy), undefined)
    assert.equal(reasonOf('http://CRM.internal./', policy), undefined)
    assert.equal(reasonOf('http://evil-crm.internal/', policy), 'config.plain_http')
    assert.equal(reasonOf('http://a.apps.internal:3000/', policy), undefined)
    assert.equal(reasonOf('http://apps.internal:3000/', policy), 'config.plain_http')
    assert.equal(reasonOf('http://a.apps.internal:6379/', policy), 'policy.port')
  })

  test('development opens loopback on any port and nothing else', () => {
    const dev: OutboundPolicy = { ...strict, isDev: true, ownUrl: new URL('http://localhost:8080') }
    assert.equal(reasonOf('http://localhost:3001/bc', dev), undefined)
    assert.equal(reasonOf('http://127.0.0.1:3001/bc', dev), undefined)
    assert.equal(reasonOf('http://localhost:8080/realms/demo', dev), 'config.own_host')
    assert.equal(reasonOf('http://192.168.1.5:3001/', dev), 'policy.private_address')
    assert.equal(judgeAddress('192.168.1.5', dev, target({ host: 'nas.local' })).ok, false)
    assert.equal(judgeAddress('8.8.8.8', dev, target({ port: 3001, isPlainHttp: true })).ok, false)
  })
})

describe('judgeAddress', () => {
  const isAllowed = (ip: string, policy = strict, of: Partial<OutboundTarget> = {}): boolean =>
    judgeAddress(ip, policy, target(of)).ok

  test('X-01: the edges of every denied network are denied, their neighbours are not', () => {
    const edges: readonly (readonly [string, string, string, string])[] = [
      ['9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
      ['100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
      ['126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
      ['169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
      ['172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
      ['191.255.255.255', '192.0.0.0', '192.0.0.255', '192.0.1.0'],
      ['192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
      ['192.31.195.255', '192.31.196.0', '192.31.196.255', '192.31.197.0'],
      ['192.52.192.255', '192.52.193.0', '192.52.193.255', '192.52.194.0'],
      ['192.88.98.255', '192.88.99.0', '192.88.99.255', '192.88.100.0'],
      ['192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
      ['192.175.47.255', '192.175.48.0', '192.175.48.255', '192.175.49.0'],
      ['198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
      ['198.51.99.255', '198.51.100.0', '198.51.100.255', '198.51.101.0'],
      ['203.0.112.255', '203.0.113.0', '203.0.113.255', '203.0.114.0'],
      ['2000:ffff::1', '2001::', '2001:1ff:ffff::1', '2001:200::'],
      ['2001:db7:ffff::1', '2001:db8::', '2001:db8:ffff::1', '2001:db9::'],
      ['2003::1', '2002::', '2002:ffff::1', '2003::'],
      ['3ffe::1', '3fff::', '3fff:fff::1', '3fff:1000::'],
    ]
    for (const [before, first, last, behind] of edges) {
      assert.equal(isAllowed(before), true, before)
      assert.equal(isAllowed(first), false, first)
      assert.equal(isAllowed(last), false, last)
      assert.equal(isAllowed(behind), true, behind)
    }
    for (const ip of ['0.0.0.1', '224.0.0.0', '255.255.255.255', 'ff02::1', '::', '::1'])
      assert.equal(isAllowed(ip), false, ip)
  })

  test('X-01: of IPv6 only global unicast may be called, 2000::/3; the rest is nobody’s or leads elsewhere', () => {
    for (const ip of ['2000::', '2a00::1', '3ffe:ffff::1']) assert.equal(isAllowed(ip), true, ip)
    const others = [
      '::2',
      '99::1',
      '100::',
      '100:0:0:1::',
      '1fff:ffff::1',
      '4000::',
      '5eff::1',
      '5f00::',
      '5f01::',
    ]
    for (const ip of [
      ...others,
      'fbff::1',
      'fc00::',
      'fdff::1',
      'fe00::',
      'fe7f::1',
      'fe80::',
      'febf::1',
      'ff00::',
    ])
      assert.equal(isAllowed(ip), false, ip)
  })

  test('an address that carries another one is never better than the address inside', () => {
    const inside = allowing(['64:ff9b::/96', '2002::/16', '2001::/32', '::ffff:0:0:0/96'])
    const carried = ['64:ff9b::10.0.0.1', '2002:a00:1::1', '2001:0:4136:e378:8000:63bf:f5ff:fffe']
    for (const ip of [...carried, '::ffff:0:10.0.0.1']) {
      assert.equal(isAllowed(ip, inside), false, ip)
    }
    for (const ip of ['64:ff9b::8.8.8.8', '2002:808:808::1', '::ffff:0:8.8.8.8'])
      assert.equal(isAllowed(ip, inside), true, ip)
    assert.equal(isAllowed('64:ff9b::8.8.8.8'), false)
    assert.equal(isAllowed('::ffff:8.8.8.8'), true)
    assert.equal(isAllowed('::ffff:10.0.0.1'), false)
    assert.equal(isAllowed('::ffff:10.0.0.1', allowing(['10.0.0.0/8'])), true)
  })

  test('link-local and metadata addresses need the second switch beside an entry', () => {
    const named = allowing(['169.254.0.0/16', '100.64.0.0/10', 'fd00::/8', 'metadata.internal'])
    const both = { ...named, allowLinkLocal: true }
    for (const ip of ['169.254.169.254', '100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254']) {
      assert.equal(isAllowed(ip, named), false, ip)
      assert.equal(isAllowed(ip, named, { host: 'metadata.internal' }), false, ip)
      assert.equal(isAllowed(ip, both), true, ip)
      assert.equal(isAllowed(ip, { ...strict, allowLinkLocal: true }), false, ip)
    }
  })

  test('what is not the address of one server is refused under every setting', () => {
    const wide = { ...allowing(['crm.example.com:*']), allowLinkLocal: true, isDev: true }
    for (const ip of [
      '0.0.0.0',
      '0.1.2.3',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      'ff02::1',
      '::ffff:0.0.0.0',
      'nonsense',
      '',
    ]) {
      assert.equal(isAllowed(ip, wide), false, ip)
    }
  })
})

describe('parseOutboundAllow', () => {
  test('reads networks and hosts, with and without ports', () => {
    for (const text of [
      '10.0.0.0/8',
      '10.0.0.0/8:443,8443',
      '10.1.2.3:8080',
      'fd00::/8',
      'fd00::/8:8443',
      '[fd00::1]:8443',
      'fd00::1',
      'crm.internal',
      'crm:3000',
      '*.svc.cluster.local:*',
    ]) {
      assert.equal(parseOutboundAllow(text).ok, true, text)
    }
  })

  test('says what is wrong with an entry', () => {
    const wanted: readonly (readonly [string, RegExp])[] = [
      ['', /name a network/],
      ['10.0.0.1/8', /bits beyond the prefix/],
      ['10.0.0.0/33', /not a network/],
      ['0.0.0.0/0', /wider than \/8/],
      ['::/0', /wider than \/7/],
      ['10.0', /not a complete IPv4 address/],
      ['10.0.0.0/8:22', /port 22 is never called/],
      ['crm.internal:0', /not a list of ports/],
      ['crm.internal:99999', /not a list of ports/],
      ['crm.internal:http', /not a list of ports/],
      ['https://crm.internal', /leave out scheme and path/],
      ['crm.internal/path', /not a network/],
      ['*', /neither a network nor a host/],
      ['a.*.internal', /neither a network nor a host/],
    ]
    for (const [text, problem] of wanted) {
      const read = parseOutboundAllow(text)
      assert.equal(read.ok, false, text)
      if (!read.ok) assert.match(read.problem, problem, text)
    }
  })
})

describe('explainBlocked', () => {
  const settingOf = (url: string, addresses: readonly string[] = []): string | undefined =>
    explainBlocked(url, strict, addresses)?.setting

  test('names the setting that lets an address in, and the setting does', () => {
    const wanted: readonly (readonly [string, readonly string[], string])[] = [
      ['http://10.1.2.3:8080/bc', [], '--outbound-allow 10.1.2.3/32:8080'],
      ['https://[fd12::5]/bc', [], '--outbound-allow fd12::5/128:443'],
      ['https://crm.internal/bc', ['10.1.2.3'], '--outbound-allow crm.internal:443'],
      ['http://crm.internal/bc', [], '--outbound-allow crm.internal:80'],
      ['https://crm.example.com:9443/bc', [], '--outbound-allow crm.example.com:9443'],
      ['http://169.254.1.2/', [], '--outbound-allow 169.254.1.2/32:80 --outbound-allow-link-local'],
    ]
    for (const [url, addresses, setting] of wanted) {
      assert.equal(settingOf(url, addresses), setting, url)
      const entry = setting.split(' ')[1] as string
      const policy = allowing([entry], { allowLinkLocal: setting.includes('link-local') })
      assert.equal(explainBlocked(url, policy, addresses), undefined, url)
    }
  })

  test('names none where the address itself must change', () => {
    for (const url of [
      'https://crm.example.com:22/',
      'http://0.0.0.0/',
      'https://crm.example.com/#x',
      'nonsense',
    ]) {
      assert.ok(explainBlocked(url, strict), url)
      assert.equal(settingOf(url), undefined, url)
    }
  })

  test('an address with one allowed answer is not blocked', () => {
    assert.equal(explainBlocked('https://crm.example.com/', strict, ['10.0.0.1', '8.8.8.8']), undefined)
  })
})
