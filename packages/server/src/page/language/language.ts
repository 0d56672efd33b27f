/**
 * The languages of the pages. A text is one whole message with named places; it is never put together from
 * pieces, because word order and plural forms differ between languages.
 *
 * The messages are flat JSON in ICU MessageFormat, of which this reads `{name}` and
 * `{name, plural, =0 {…} one {…} other {…}}` with `#` for the number.
 * @see Unicode LDML Part 9: MessageFormat; plural categories by `Intl.PluralRules`.
 */
import type { Instant } from '../../ambient/clock.ts'
import { Html, html } from '../html.ts'
import arabic from './ar.json' with { type: 'json' }
import german from './de.json' with { type: 'json' }
import english from './en.json' with { type: 'json' }
import spanish from './es.json' with { type: 'json' }
import french from './fr.json' with { type: 'json' }
import { type Message, type MessagePart, parseMessage } from './message.ts'
import dutch from './nl.json' with { type: 'json' }
import { pseudoText } from './pseudo-text.ts'

/** Tags of the languages (BCP 47). `en-XA` is the pseudo-language of the tests: accents, and 40 % longer. */
export const languageTags = ['en', 'de', 'fr', 'es', 'nl', 'ar', 'en-XA'] as const
export type LanguageTag = (typeof languageTags)[number]

/** What the menu offers; the pseudo-language can only be asked for by name. */
export const offeredLanguageTags: readonly LanguageTag[] = languageTags.filter((tag) => tag !== 'en-XA')

export type MessageKey = keyof typeof english
export type MessageValues = Readonly<Record<string, string | number | Html>>

export interface Language {
  readonly tag: LanguageTag
  readonly direction: 'ltr' | 'rtl'
  /** Its own name, for the menu. */
  readonly name: string
  text(key: MessageKey, values?: Readonly<Record<string, string | number>>): string
  /** As `text`, where values may be markup; everything else is escaped. */
  html(key: MessageKey, values: MessageValues): Html
  /** `<time>` with day, time and zone; the page's script shows it in the browser's own zone. */
  time(at: Instant): Html
  /** "0.40", and "14" from ten seconds on: as many digits as say something, and one above the other in a column. */
  seconds(durationMs: number): string
  /** "4 minutes, 12 seconds". */
  duration(seconds: number): string
  /** "3 minutes ago". */
  ago(at: Instant, now: Instant): string
}

const languages = new Map<LanguageTag, Language>()

export function languageOf(tag: LanguageTag): Language {
  const known = languages.get(tag)
  if (known) return known
  const made = makeLanguage(tag)
  languages.set(tag, made)
  return made
}

type Texts = Readonly<Record<MessageKey, string>>

const textsByTag: Readonly<Record<LanguageTag, Texts>> = {
  en: english,
  de: german,
  fr: french,
  es: spanish,
  nl: dutch,
  ar: arabic,
  'en-XA': english,
}

/** The texts of a language as they stand in its file. */
export function readTexts(tag: LanguageTag): Texts {
  return textsByTag[tag]
}

function makeLanguage(tag: LanguageTag): Language {
  const locale = tag === 'en-XA' ? 'en' : tag
  const texts = new Map(Object.entries(readTexts(tag)).map(([key, text]) => [key, parseMessage(text)]))
  const plural = new Intl.PluralRules(locale)
  const number = new Intl.NumberFormat(locale)
  const name = new Intl.DisplayNames(locale, { type: 'language' }).of(locale) ?? locale
  const write = (key: MessageKey, values: MessageValues, literal: (text: string) => string): string => {
    const message = texts.get(key)
    if (!message) throw new TypeError(`no text ${key} in ${tag}`)
    return format(message, values, {
      literal: tag === 'en-XA' ? (text) => literal(pseudoText(text)) : literal,
      value: (value) =>
        value instanceof Html
          ? value.markup
          : literal(typeof value === 'number' ? number.format(value) : value),
      select: (value) => plural.select(value),
    })
  }
  return {
    tag,
    direction: tag === 'ar' ? 'rtl' : 'ltr',
    name: name.charAt(0).toLocaleUpperCase(locale) + name.slice(1),
    text: (key, values = {}) => write(key, values, (text) => text),
    html: (key, values) => new Html(write(key, values, (text) => html`${text}`.markup)),
    time: (at) => timeElement(locale, at),
    seconds: (durationMs) => secondsText(locale, durationMs),
    duration: (seconds) => durationText(locale, seconds),
    ago: (at, now) => agoText(locale, Math.max(0, now - at)),
  }
}

interface Writer {
  literal(text: string): string
  value(value: string | number | Html): string
  select(value: number): string
}

function format(message: Message, values: MessageValues, writer: Writer, count?: number): string {
  return message.map((part) => formatPart(part, values, writer, count)).join('')
}

function formatPart(part: MessagePart, values: MessageValues, writer: Writer, count?: number): string {
  if (part.kind === 'literal') return writer.literal(part.text)
  if (part.kind === 'number') return writer.value(count ?? 0)
  const value = values[part.name]
  if (value === undefined) throw new TypeError(`the value ${part.name} is missing`)
  if (part.kind === 'value') return writer.value(value)
  const chosen =
    part.forms.get(`=${value}`) ?? part.forms.get(writer.select(Number(value))) ?? part.forms.get('other')
  return format(chosen ?? [], values, writer, Number(value))
}

function timeElement(locale: string, at: Instant): Html {
  const date = new Date(at)
  const shown = new Intl.DateTimeFormat(locale, {
    month: 'short',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    second: '2-digit',
    timeZone: 'UTC',
  }).format(date)
  // day and zone are said because a page without script knows neither the reader's clock nor zone
  return html`<time datetime="${date.toISOString()}">${shown} UTC</time>`
}

function secondsText(locale: string, durationMs: number): string {
  const digits = durationMs < 10_000 ? 2 : 0
  const shown = digits === 2 ? Math.max(0.01, durationMs / 1000) : durationMs / 1000
  return new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(shown)
}

function durationText(locale: string, seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds))
  const counts = {
    day: Math.floor(whole / 86_400),
    hour: Math.floor(whole / 3600) % 24,
    minute: Math.floor(whole / 60) % 60,
    second: whole % 60,
  }
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) =>
      new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count),
    )
  return new Intl.ListFormat(locale, { type: 'unit', style: 'long' }).format(parts)
}

function agoText(locale: string, elapsedMs: number): string {
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const minutes = Math.floor(elapsedMs / 60_000)
  if (minutes < 1) return relative.format(0, 'second')
  if (minutes < 60) return relative.format(-minutes, 'minute')
  if (minutes < 48 * 60) return relative.format(-Math.floor(minutes / 60), 'hour')
  return relative.format(-Math.floor(minutes / 1440), 'day')
}
