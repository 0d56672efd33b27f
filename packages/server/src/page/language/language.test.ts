import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { html } from '../html.ts'
import { chooseLanguage } from './choose-language.ts'
import { languageOf, languageTags, offeredLanguageTags, readTexts } from './language.ts'
import { type Message, parseMessage, valueNames } from './message.ts'

const english = readTexts('en')

describe('languages', () => {
  for (const tag of offeredLanguageTags) {
    test(`${tag} has every text, with the same values and every plural form of the language`, () => {
      const texts = readTexts(tag)
      assert.deepEqual(Object.keys(texts), Object.keys(english))
      const categories = new Intl.PluralRules(tag).resolvedOptions().pluralCategories
      for (const [key, text] of Object.entries(texts)) {
        const message = parseMessage(text)
        assert.deepEqual(
          valueNames(message),
          valueNames(parseMessage(english[key as keyof typeof english])),
          key,
        )
        for (const forms of plurals(message)) {
          const missing = forms.length === 1 ? [] : categories.filter((category) => !forms.includes(category))
          assert.deepEqual(missing, [], `${tag} ${key}`)
        }
      }
    })
  }

  test('plural forms are chosen by the language, and an exact number wins', () => {
    const title = (tag: 'en' | 'de' | 'ar', count: number): string =>
      languageOf(tag).text('confirm.title', { count })
    assert.equal(title('en', 0), 'Sign out on this device?')
    assert.equal(title('en', 1), 'Sign out of 1 application on this device?')
    assert.equal(title('en', 5), 'Sign out of 5 applications on this device?')
    assert.equal(title('de', 5), 'Auf diesem Gerät von 5 Anwendungen abmelden?')
    assert.match(title('ar', 2), /تطبيقين/)
    assert.match(title('ar', 3), /3 تطبيقات/)
    assert.match(title('ar', 11), /11 تطبيقًا/)
  })

  test('a value inside a message is escaped; markup passes', () => {
    const language = languageOf('en')
    assert.equal(
      language.html('signIn.to', { application: '<b>x</b>' }).markup,
      'to continue to &lt;b&gt;x&lt;/b&gt;',
    )
    assert.equal(
      language.html('signIn.to', { application: html`<strong>${'<Wiki>'}</strong>` }).markup,
      'to continue to <strong>&lt;Wiki&gt;</strong>',
    )
  })

  test('a missing value is a mistake of the programmer, not a hole in the sentence', () => {
    assert.throws(() => languageOf('en').text('signIn.to'), /application is missing/)
  })

  test('the pseudo-language is 40 % longer and keeps values readable', () => {
    const text = languageOf('en-XA').text('signIn.remember')
    assert.ok(text.length >= english['signIn.remember'].length * 1.35, text)
    assert.match(languageOf('en-XA').text('signIn.to', { application: 'Wiki' }), /Wiki$/)
  })

  test('durations are exact and in the words of the language', () => {
    assert.equal(languageOf('en').duration(252), '4 minutes, 12 seconds')
    assert.equal(languageOf('de').duration(34), '34 Sekunden')
    assert.equal(languageOf('en').duration(0.2), '1 second')
  })

  test('the time that a sign-out took stands in a column: two digits below ten seconds, none above', () => {
    const shown = (tag: 'en' | 'de') => [2, 100, 1234, 14_400].map((ms) => languageOf(tag).seconds(ms))
    assert.deepEqual(shown('en'), ['0.01', '0.10', '1.23', '14'])
    assert.deepEqual(shown('de'), ['0,01', '0,10', '1,23', '14'])
  })

  test('an instant says its day and its zone, for readers without script', () => {
    const { markup } = languageOf('en').time(Date.UTC(2026, 10, 29, 4, 3, 12))
    assert.match(markup, /^<time datetime="2026-11-29T04:03:12\.000Z">Nov 29, 4:03:12\sAM UTC<\/time>$/)
  })

  test('a message with unmatched braces is refused', () => {
    for (const text of ['{', '}', '{a', '{a, plural, one {x}', '{a, plural, one {x}}', '{a b}']) {
      assert.throws(() => parseMessage(text), SyntaxError, text)
    }
  })
})

describe('which language', () => {
  const tagOf = (wishes: Parameters<typeof chooseLanguage>[0]): string => chooseLanguage(wishes).tag

  test('manual choice, ui_locales, account, Accept-Language, realm default, English: in this order (KL-05)', () => {
    const all = {
      chosen: 'nl',
      uiLocales: 'fr de',
      accountLocale: 'es',
      acceptLanguage: 'de',
      realmDefault: 'ar',
    }
    assert.equal(tagOf(all), 'nl')
    assert.equal(tagOf({ ...all, chosen: undefined }), 'fr')
    assert.equal(tagOf({ ...all, chosen: undefined, uiLocales: undefined }), 'es')
    assert.equal(tagOf({ acceptLanguage: 'de', realmDefault: 'ar' }), 'de')
    assert.equal(tagOf({ realmDefault: 'ar' }), 'ar')
    assert.equal(tagOf({}), 'en')
  })

  test('an unknown or malformed wish is passed over and never an error (RIL-14)', () => {
    assert.equal(tagOf({ uiLocales: 'tlh xx-YY de-AT' }), 'de')
    assert.equal(tagOf({ uiLocales: '   ', acceptLanguage: ';;;q=,,*' }), 'en')
    assert.equal(tagOf({ uiLocales: `${'x '.repeat(1000)}de` }), 'en')
  })

  test('Accept-Language is weighed, and q=0 is a refusal', () => {
    assert.equal(tagOf({ acceptLanguage: 'en;q=0.5, fr-CA;q=0.9, de;q=0' }), 'fr')
  })

  test('a realm that supports a few languages offers no other', () => {
    assert.equal(tagOf({ uiLocales: 'fr', supported: ['de', 'en'] }), 'en')
    assert.equal(tagOf({ uiLocales: 'fr', acceptLanguage: 'de', supported: ['de', 'en'] }), 'de')
  })

  test('the pseudo-language is never chosen by itself', () => {
    assert.ok(languageTags.includes('en-XA'))
    assert.equal(tagOf({ acceptLanguage: 'en-US' }), 'en')
    assert.equal(tagOf({ uiLocales: 'en-XA' }), 'en-XA')
  })
})

function plurals(message: Message): readonly (readonly string[])[] {
  return message.flatMap((part) =>
    part.kind === 'plural' ? [[...part.forms.keys()], ...[...part.forms.values()].flatMap(plurals)] : [],
  )
}
