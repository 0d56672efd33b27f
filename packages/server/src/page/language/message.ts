/** The part of ICU MessageFormat that the texts use: `{name}`, and plural with `#`. */

export type MessagePart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'value'; readonly name: string }
  /** `#`: the number of the plural around it. */
  | { readonly kind: 'number' }
  | { readonly kind: 'plural'; readonly name: string; readonly forms: ReadonlyMap<string, Message> }

export type Message = readonly MessagePart[]

/** @throws SyntaxError when braces do not match or a form is not named. */
export function parseMessage(text: string): Message {
  const cursor = { at: 0 }
  const message = parseParts(text, cursor, false)
  if (cursor.at < text.length) throw new SyntaxError(`unexpected } in "${text}"`)
  return message
}

/** Names of the values that a message needs, sorted. */
export function valueNames(message: Message): readonly string[] {
  const names = new Set<string>()
  for (const part of message) {
    if (part.kind === 'value' || part.kind === 'plural') names.add(part.name)
    if (part.kind === 'plural')
      for (const form of part.forms.values()) for (const name of valueNames(form)) names.add(name)
  }
  return [...names].sort()
}

function parseParts(text: string, cursor: { at: number }, isInPlural: boolean): Message {
  const parts: MessagePart[] = []
  let literal = ''
  const flush = (): void => {
    if (literal) parts.push({ kind: 'literal', text: literal })
    literal = ''
  }
  while (cursor.at < text.length && text[cursor.at] !== '}') {
    const character = text[cursor.at] as string
    if (character === '{' || (character === '#' && isInPlural)) {
      flush()
      parts.push(character === '#' ? { kind: 'number' } : parsePlace(text, cursor))
      if (character === '#') cursor.at++
    } else {
      literal += character
      cursor.at++
    }
  }
  flush()
  return parts
}

function parsePlace(text: string, cursor: { at: number }): MessagePart {
  const head = /^\{([a-zA-Z]+)(\}|, plural,)/.exec(text.slice(cursor.at))
  if (!head) throw new SyntaxError(`a place is {name} or {name, plural, …} in "${text}"`)
  cursor.at += head[0].length
  const name = head[1] as string
  if (head[2] === '}') return { kind: 'value', name }
  const forms = new Map<string, Message>()
  for (;;) {
    const form = /^\s*(=\d+|zero|one|two|few|many|other) \{/.exec(text.slice(cursor.at))
    if (!form) break
    cursor.at += form[0].length
    forms.set(form[1] as string, parseParts(text, cursor, true))
    if (text[cursor.at++] !== '}') throw new SyntaxError(`a form is not closed in "${text}"`)
  }
  if (text[cursor.at++] !== '}' || !forms.has('other'))
    throw new SyntaxError(`a plural ends with other {…}} in "${text}"`)
  return { kind: 'plural', name, forms }
}
