/**
 * One word per thing, the standard's word (docs/glossary.md). Names in code only: strings are the wire's business,
 * and words for people have their own test (spoken-words.test.ts).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTidy, lineAt, type RepositoryFile, repositoryFiles, type Violation } from './repository.ts'
import { isNode, parse, type SyntaxNode, walk } from './syntax.ts'

interface BannedWord {
  readonly word: RegExp
  readonly instead: string
}

const bannedWords: readonly BannedWord[] = [
  { word: /^userIds?$|^users?Uid$/, instead: 'account, accountId' },
  { word: /^sessionIds?$/, instead: 'sessionUid (the stable id), or sid (what one application knows)' },
  { word: /^(idp|authServer)/i, instead: 'op' },
  { word: /federatedIdp/i, instead: 'upstreamOp' },
  { word: /loggedInRps?|participant/i, instead: 'clientSession' },
  { word: /logoutJwt/i, instead: 'logoutToken' },
  { word: /webhook/i, instead: 'delivery' },
  { word: /notifier/i, instead: 'sender' },
  { word: /log_?off/i, instead: 'signOut' },
  { word: /[bB]ackChannel|[fF]rontChannel/, instead: 'backchannel, frontchannel: one word, as on the wire' },
  { word: /singleLogout|singleSignOut/i, instead: 'signOut' },
]

/** `logout` lives only inside the protocols' own terms. */
const protocolTerm =
  /(backchannel|frontchannel|post|k|rpInitiated|end|saml|legacy)_?logout|logout_?(token|request|response|hint|uri|url|endpoint|path|confirmation|event)/i

const productCode = /^packages\/[^/]+\/src\/.*(?<!\.test)\.ts$/

/** Names that Node, an engine or a foreign interface gave, each with whose it is. */
const allowed: Readonly<Record<string, string>> = {}

function check(file: RepositoryFile): readonly Violation[] {
  const found: Violation[] = []
  walk(parse(file).program, (node, parents) => {
    if ((node.type !== 'Identifier' && node.type !== 'PrivateIdentifier') || isForeign(node, parents)) return
    const name = String(node['name'])
    const instead = name in allowed ? undefined : replacementFor(name)
    if (instead)
      found.push({
        path: file.path,
        line: lineAt(file.text, node.start),
        problem: `names something ${name}: say ${instead}`,
      })
  })
  return found
}

/** Keys of object literals and members of `…Wire` and `…Representation` types keep the spelling of the wire. */
function isForeign(node: SyntaxNode, parents: readonly SyntaxNode[]): boolean {
  const parent = parents.at(-1)
  if (parent?.type === 'Property' && parent['key'] === node && parent['shorthand'] !== true) return true
  return parents.some(({ type, id }) => {
    const declares = type === 'TSInterfaceDeclaration' || type === 'TSTypeAliasDeclaration'
    return declares && isNode(id) && /(Wire|Representation)$/.test(String(id['name']))
  })
}

function replacementFor(name: string): string | undefined {
  const banned = bannedWords.find(({ word }) => word.test(name))
  if (banned) return banned.instead
  return /logout/i.test(name) && !protocolTerm.test(name)
    ? 'signOut (logout only in protocol terms)'
    : undefined
}

test('words that the glossary replaces are found in names, with what to write instead', () => {
  const text = [
    'const userId = 1',
    'const accountId = 1',
    'function logoutSession() {}',
    'const logoutToken = backchannelLogoutUri("logout user")',
    'type Q = { backChannelUri: string }',
    'const sessionId = q.sid',
    'const adapterSessionId = 2',
    'const postLogoutRedirectUri = 3',
    'sendWebhook()',
    'const wire = { userId: account.id }',
    'interface EventRepresentation { userId: string }',
  ].join('\n')
  const found = check({ path: 'a.ts', text })
  assert.deepEqual(
    found.map(({ line }) => line),
    [1, 3, 5, 6, 9],
  )
  assert.match(found[0]?.problem ?? '', /say account/)
})

test('product code names things as the glossary does', () => {
  assertTidy(repositoryFiles(productCode).flatMap(check))
})
