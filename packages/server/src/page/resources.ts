/**
 * The files that the pages load: a style sheet, a script for each page that needs one, a mark. Their addresses carry a hash of their
 * content, so browsers keep them for ever and a new version is seen at once.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { localUrl, type SafeUrl } from './html.ts'

export interface Resource {
  readonly url: SafeUrl
  readonly path: string
  readonly contentType: string
  readonly body: string
}

export const style = load('style.css', 'css', 'text/css; charset=utf-8', minifyStyle)
export const liveScript = load('live.js', 'js', 'text/javascript; charset=utf-8', stripComments)
export const framesScript = load('frames.js', 'js', 'text/javascript; charset=utf-8', stripComments)
export const mark = load('mark.svg', 'svg', 'image/svg+xml', (text) => text)

export const resources: readonly Resource[] = [style, liveScript, framesScript, mark]

/** A year, and never asked again: the address changes with the content. */
export const resourceCacheControl = 'public, max-age=31536000, immutable'

function load(
  file: string,
  extension: string,
  contentType: string,
  shrink: (text: string) => string,
): Resource {
  const body = shrink(readFileSync(new URL(`./${file}`, import.meta.url), 'utf8'))
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 12)
  const path = `/resources/curfew-${hash}.${extension}`
  return { url: localUrl(path), path, contentType, body }
}

function minifyStyle(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replace(/: /g, ':')
    .replace(/;}/g, '}')
    .replace(/(?<=[\s:,(-])0\./g, '.')
    .trim()
}

/** Whole-line comments, indentation, blanks around operators; the script keeps no comment at the end of a line. */
function stripComments(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('//'))
    .join('\n')
    .replaceAll(/ (=>|[!=]==|=|&&|\|\||\?|:) /g, '$1')
}
