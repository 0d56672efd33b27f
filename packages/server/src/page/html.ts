/**
 * HTML as a tagged template: what stands in the template is markup, what is put into it is text.
 *
 * - A value is escaped for text and for quoted attributes; `Html` and lists of values pass as they are.
 * - `undefined`, `null` and `false` are nothing, so `${isOpen && html`…`}` reads well.
 * - A value in `href`, `src` or `action` must be a `SafeUrl`: escaping cannot stop `javascript:`.
 * - Inside a tag stand whole attributes, made by another template: `<input${isOn && html` checked`}>`.
 * - A value that would stand elsewhere in a tag, in an unquoted attribute, an event handler, a `<script>` or a `<style>`
 *   throws: no escaping is right there, so a mistake shows at the first rendering and not at the first attack.
 */

/** Markup that is safe to send. Made by `html` alone. */
export class Html {
  readonly markup: string
  constructor(markup: string) {
    this.markup = markup
  }
  toString(): string {
    return this.markup
  }
}

/** An address that may stand in `href`, `src` or `action`. Made by `localUrl` and `webUrl` alone. */
export class SafeUrl {
  readonly address: string
  constructor(address: string) {
    this.address = address
  }
}

export type HtmlValue = string | number | Html | SafeUrl | undefined | null | false | readonly HtmlValue[]

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => escapes[character] as string)
}

export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const places = placesOf(strings)
  let markup = strings[0] as string
  values.forEach((value, index) => {
    markup += render(value, places[index] as Place) + strings[index + 1]
  })
  return new Html(markup)
}

/** A path of this server, from its parts: each part is encoded, so none can leave its place. */
export function localUrl(path: string): SafeUrl {
  // `//host` and `/\host` are addresses of another server (CVE-2019-20479); beyond ASCII no header can carry it
  if (!/^\/(?!\/)[!-[\]-~]*$/.test(path)) throw new TypeError('a local address starts with one slash')
  return new SafeUrl(path)
}

/** A place inside the same page. */
export function fragmentUrl(id: string): SafeUrl {
  if (!/^[a-zA-Z][\w-]*$/.test(id)) throw new TypeError('a fragment is a plain name')
  return new SafeUrl(`#${id}`)
}

/**
 * A return address that `rp/redirect-uri.ts` has judged: an application's own scheme is fine there. What runs in
 * the browser is refused once more, because this one is put where a person clicks.
 */
export function registeredUrl(address: string): SafeUrl {
  if (/^(javascript|data|vbscript|blob|file):/i.test(address) || !URL.canParse(address)) {
    throw new TypeError('not an address that can be registered')
  }
  return new SafeUrl(address)
}

/** An address of an application as a link; undefined unless it is plain http or https without user information. */
export function webUrl(address: string | undefined): SafeUrl | undefined {
  if (!address || !URL.canParse(address)) return undefined
  const url = new URL(address)
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  return isWeb && !url.username && !url.password ? new SafeUrl(url.href) : undefined
}

type Place = 'text' | 'attribute' | 'url' | 'tag'

const placesByTemplate = new WeakMap<TemplateStringsArray, readonly Place[]>()

function placesOf(strings: TemplateStringsArray): readonly Place[] {
  const known = placesByTemplate.get(strings)
  if (known) return known
  const places: Place[] = []
  let before = ''
  for (const part of strings.slice(0, -1)) {
    before += part
    places.push(placeAfter(before))
    before += 'x'
  }
  placesByTemplate.set(strings, places)
  return places
}

function placeAfter(before: string): Place {
  if (/<(script|style)\b[^>]*>(?:(?!<\/\1)[\s\S])*$/i.test(before))
    throw new TypeError('no value inside script or style')
  const tag = /<(?:$|[a-z!/](?:[^<>"]|"[^"]*")*(?:"[^"]*)?)$/i.exec(before)?.[0]
  // a template may also be attributes alone, to be put into a tag
  const attribute = /(?:^|[\s"])([a-z][a-z-]*)="([^"]*)$/i.exec(tag ?? before)
  const name = attribute?.[1]?.toLowerCase()
  if (name === undefined) return tag === undefined ? 'text' : placeInTag(tag)
  if (name.startsWith('on') || name === 'style' || name === 'srcdoc')
    throw new TypeError(`no value inside ${name}`)
  if (!['href', 'src', 'action', 'formaction'].includes(name)) return 'attribute'
  if (attribute?.[2] !== '') throw new TypeError(`${name} is one SafeUrl`)
  return 'url'
}

/** Between attributes stands only markup: whole attributes, made by another template. */
function placeInTag(tag: string): Place {
  if (!/["\w]$/.test(tag)) throw new TypeError(`no value inside a tag: ${tag.slice(-40)}`)
  return 'tag'
}

function render(value: HtmlValue, place: Place): string {
  if (value instanceof SafeUrl) return escapeHtml(value.address)
  if (place === 'url') throw new TypeError('an address is a SafeUrl')
  if (value === undefined || value === null || value === false) return ''
  if (value instanceof Html) {
    if (place === 'attribute') throw new TypeError('no markup inside an attribute')
    return value.markup
  }
  if (place === 'tag') throw new TypeError('no value inside a tag')
  if (typeof value === 'object') return value.map((item) => render(item, place)).join('')
  return escapeHtml(String(value))
}
