/**
 * `${NAME}` and `${NAME:default}` of a realm file get the values of environment variables, as at Keycloak's import:
 * people keep client secrets out of the file that way. What has no value stays as it is, and the report names it.
 */

/** What the report lists when it was not filled. Keycloak's own message keys (`${client_account}`) are in lower case. */
export const environmentPattern = /\$\{(?:env\.)?[A-Z][A-Z0-9_]*(?::[^}"\n]*)?\}/

/** `$${…}` is Keycloak's way to write the characters themselves. */
const variablePattern = /(?<!\$)\$\{([A-Za-z_][\w.-]*)(?::([^}"\n]*))?\}/g

/** The server's own settings are nobody's to show on a page or in a token. */
const ownPrefix = 'CURFEW_'

export interface FilledText {
  readonly text: string
  /** Variables that were used, each once. */
  readonly names: readonly string[]
}

export function fillFromEnvironment(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): FilledText {
  const names = new Set<string>()
  const filled = text.replaceAll(variablePattern, (written: string, name: string, whenAbsent?: string) => {
    if (name.startsWith(ownPrefix)) return written
    const value = env[name]
    if (value === undefined) return whenAbsent ?? written
    names.add(name)
    // inside a JSON text, so a quote in the value must not end it
    return JSON.stringify(value).slice(1, -1)
  })
  return { text: filled, names: [...names].sort() }
}
