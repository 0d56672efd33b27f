/** Every setting of the server with its flag, for `curfew serve --help`. docs/configuration.md has the same sentences. */
import { flagOf, settingsSchema } from '../config/schema.ts'

interface Described {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
}

const columnCount = 100
const indent = '      '

export function settingsHelp(): string {
  return Object.entries(settingsSchema.properties as Readonly<Record<string, Described>>)
    .filter(([name]) => name !== 'outbound.applications')
    .map(([name, schema]) => `  --${flagOf(name)}${operandOf(schema)}\n${wrapped(sentenceOf(schema))}`)
    .join('\n')
}

function operandOf({ type }: Described): string {
  if (type === 'boolean') return ''
  return type === 'array' ? ' VALUE …' : ' VALUE'
}

/** A default that is nothing, off or empty goes without saying. */
function sentenceOf({ description = '', default: value, type }: Described): string {
  const isPlain = value === undefined || value === false || type === 'array'
  return isPlain ? description : `${description} Default: ${value === true ? 'on' : String(value)}.`
}

function wrapped(text: string): string {
  const lines: string[] = []
  let line = indent.trimEnd()
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > columnCount) {
      lines.push(line)
      line = indent.trimEnd()
    }
    line = line.trim() === '' ? indent + word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
