/** The command line as names and values; `config/` knows what they mean. */
import type { RawValue } from '../config/coerce.ts'

export interface Arguments {
  readonly positionals: readonly string[]
  readonly flags: Readonly<Record<string, RawValue>>
}

/** Flags that take no value; `--no-x` sets them to false. */
export type SwitchNames = ReadonlySet<string>

/**
 * Reads `--name value`, `--name=value`, `--switch` and `--no-switch`. A flag given several times becomes a list;
 * so does one that is followed by several values (`--import-realm a.json b.json`), for the names in `lists`.
 */
export function readArguments(argv: readonly string[], switches: SwitchNames, lists: SwitchNames): Arguments {
  const positionals: string[] = []
  const flags: Record<string, RawValue> = {}
  let index = 0
  while (index < argv.length) {
    const word = argv[index] as string
    index += 1
    if (word.startsWith('--')) index += readFlag(word.slice(2), argv.slice(index), { flags, switches, lists })
    else positionals.push(word)
  }
  return { positionals, flags }
}

interface Reading {
  readonly flags: Record<string, RawValue>
  readonly switches: SwitchNames
  readonly lists: SwitchNames
}

/** @returns how many of the following words were its values */
function readFlag(word: string, following: readonly string[], { flags, switches, lists }: Reading): number {
  const [name, inline] = splitFlag(word)
  if (inline !== undefined) {
    add(flags, name, inline, lists)
    return 0
  }
  if (switches.has(name)) {
    const isSpelledOut = following[0] === 'true' || following[0] === 'false'
    flags[name] = isSpelledOut ? (following[0] as string) : true
    return isSpelledOut ? 1 : 0
  }
  if (name.startsWith('no-') && switches.has(name.slice('no-'.length))) {
    flags[name.slice('no-'.length)] = false
    return 0
  }
  const values = valuesAmong(following, lists.has(name))
  for (const value of values.length > 0 ? values : ['']) add(flags, name, value, lists)
  return values.length
}

function splitFlag(word: string): [string, string | undefined] {
  const at = word.indexOf('=')
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

function valuesAmong(following: readonly string[], isList: boolean): readonly string[] {
  const end = following.findIndex((word) => word.startsWith('--'))
  const values = end < 0 ? following : following.slice(0, end)
  return isList ? values : values.slice(0, 1)
}

function add(flags: Record<string, RawValue>, name: string, value: string, lists: SwitchNames): void {
  const before = flags[name]
  if (before === undefined) flags[name] = lists.has(name) ? [value] : value
  else flags[name] = [...(Array.isArray(before) ? before : [before]), value]
}
