/**
 * Which language a page is shown in: the manual choice, then what the application asks for (`ui_locales`, OIDC
 * Core §3.1.2.1), the person's own setting, the browser's `Accept-Language`, the realm's default, English.
 * A language that is not there is passed over and never an error (RIL-14).
 */
import { type Language, type LanguageTag, languageOf, languageTags, offeredLanguageTags } from './language.ts'

export interface LanguageWishes {
  /** The cookie that the language menu sets. */
  readonly chosen?: string | undefined
  /** Space-separated tags, best first. */
  readonly uiLocales?: string | undefined
  readonly accountLocale?: string | undefined
  readonly acceptLanguage?: string | undefined
  readonly realmDefault?: string | undefined
  /** The realm's `supportedLocales`; empty = all. */
  readonly supported?: readonly string[]
}

export function chooseLanguage(wishes: LanguageWishes): Language {
  const supported = wishes.supported?.length ? wishes.supported : undefined
  const isOffered = (tag: LanguageTag): boolean => tag === 'en-XA' || !supported || supported.includes(tag)
  const wanted = [
    wishes.chosen,
    ...(wishes.uiLocales ?? '').split(' ').slice(0, 10),
    wishes.accountLocale,
    ...acceptedTags(wishes.acceptLanguage),
    wishes.realmDefault,
  ]
  for (const tag of wanted) {
    const found = tag ? matchTag(tag) : undefined
    if (found && isOffered(found)) return languageOf(found)
  }
  return languageOf(offeredLanguageTags.find(isOffered) ?? 'en')
}

/** RFC 4647 §3.4 lookup: `de-AT` finds `de`. */
function matchTag(tag: string): LanguageTag | undefined {
  const lower = tag.toLowerCase()
  return (
    languageTags.find((known) => known.toLowerCase() === lower) ??
    offeredLanguageTags.find((known) => known === lower.split('-')[0])
  )
}

/** RFC 9110 §12.5.4, best first; at most 20 are read. */
function acceptedTags(header: string | undefined): readonly string[] {
  return (header ?? '')
    .slice(0, 500)
    .split(',')
    .slice(0, 20)
    .map((entry) => {
      const [tag = '', ...parameters] = entry.trim().split(';')
      const quality = parameters
        .map((parameter) => /^\s*q=([01](?:\.\d{1,3})?)\s*$/.exec(parameter)?.[1])
        .find(Boolean)
      return { tag: tag.trim(), quality: quality === undefined ? 1 : Number(quality) }
    })
    .filter((entry) => entry.quality > 0 && entry.tag !== '*')
    .sort((a, b) => b.quality - a.quality)
    .map((entry) => entry.tag)
}
