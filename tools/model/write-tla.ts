/**
 * Writes the model in TLA+, so that TLC can visit all of its states: Quint's own exhaustive check downloads what it
 * needs. One tree in, one text out. An operator that is not in the table below is taken for a definition of the model;
 * TLC says so when it is none.
 *
 * @see Quint's intermediate representation, Specifying Systems (Lamport) part IV
 */
type Expression =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'bool' | 'int'; readonly value: boolean | number }
  | { readonly kind: 'str'; readonly value: string }
  | { readonly kind: 'app'; readonly opcode: string; readonly args: readonly Expression[] }
  | {
      readonly kind: 'lambda'
      readonly params: readonly { readonly name: string }[]
      readonly expr: Expression
    }
  | { readonly kind: 'let'; readonly opdef: Definition; readonly expr: Expression }

interface Definition {
  readonly name: string
  readonly qualifier: string
  readonly expr: Expression
}

type Declaration =
  | ({ readonly kind: 'def' } & Definition)
  | { readonly kind: 'var' | 'const'; readonly name: string }
  | { readonly kind: 'typedef' }
  | {
      readonly kind: 'instance'
      readonly overrides: readonly (readonly [{ readonly name: string }, Expression])[]
    }

/** What `quint parse --out` writes, as far as it is read here. */
export interface Parsed {
  readonly modules: readonly { readonly name: string; readonly declarations: readonly Declaration[] }[]
}

/** The module, with its constants left open. */
export function tlaOf(parsed: Parsed, name: string): string {
  const declarations = declarationsOf(parsed, name)
  const namesOf = (kind: 'var' | 'const'): string =>
    declarations.flatMap((one) => (one.kind === kind ? [one.name] : [])).join(', ')
  return [
    `---- MODULE ${name} ----`,
    'EXTENDS Integers',
    `CONSTANTS ${namesOf('const')}`,
    `VARIABLES ${namesOf('var')}`,
    ...declarations.flatMap((one) => (one.kind === 'def' ? [topDefinition(one)] : [])),
    '====',
    '',
  ].join('\n')
}

/** What an instance of the module gives for its constants, as lines of TLC's configuration. */
export function constantsOf(parsed: Parsed, instance: string): readonly string[] {
  return declarationsOf(parsed, instance).flatMap((one) =>
    one.kind === 'instance'
      ? one.overrides.map(([{ name }, value]) => `CONSTANT ${name} = ${bare(tla(value))}`)
      : [],
  )
}

/** TLC's configuration knows values, and no brackets around them. */
function bare(value: string): string {
  return value.startsWith('(') ? value.slice(1, -1) : value
}

function declarationsOf({ modules }: Parsed, name: string): readonly Declaration[] {
  const found = modules.find((one) => one.name === name)
  if (!found) throw new Error(`There is no module ${name}.`)
  return found.declarations
}

/** The first state is a condition on the variables as they are, not on their next values. */
function topDefinition(one: Definition): string {
  return one.name === 'init' ? definition(one).replaceAll("' = ", ' = ') : definition(one)
}

function definition({ name, expr }: Definition): string {
  if (expr.kind !== 'lambda') return `${local(name)} == ${tla(expr)}`
  return `${local(name)}(${expr.params.map((param) => local(param.name)).join(', ')}) == ${tla(expr.expr)}`
}

/** TLA+ has no name that begins with a line, which is Quint's for what is not used. */
function local(name: string): string {
  return name.startsWith('_') ? `unused${name}` : name
}

function tla(expression: Expression): string {
  switch (expression.kind) {
    case 'name':
      return local(expression.name)
    case 'bool':
      return String(expression.value).toUpperCase()
    case 'int':
      return String(expression.value)
    case 'str':
      return JSON.stringify(expression.value)
    case 'lambda':
      throw new Error('A function stands only where an operator takes one.')
    case 'let':
      return letIn(expression.opdef, expression.expr)
    case 'app':
      return application(expression.opcode, expression.args)
  }
}

function letIn(opdef: Definition, body: Expression): string {
  if (opdef.qualifier !== 'nondet') return `(LET ${definition(opdef)} IN ${tla(body)})`
  const { expr } = opdef
  if (expr.kind !== 'app' || expr.opcode !== 'oneOf') throw new Error(`${opdef.name} is not one of a set.`)
  return `(\\E ${local(opdef.name)} \\in ${tla(first(expr.args))} : ${tla(body)})`
}

function application(opcode: string, args: readonly Expression[]): string {
  const translate = operators[opcode]
  return translate ? `(${translate(args)})` : `${opcode}(${args.map(tla).join(', ')})`
}

type Translation = (args: readonly Expression[]) => string

const infix =
  (symbol: string): Translation =>
  (args) =>
    args.map(tla).join(` ${symbol} `)

const prefix =
  (symbol: string): Translation =>
  (args) =>
    `${symbol} ${tla(first(args))}`

/** `around` gets the set, the bound name and the body of an operator such as `S.exists(x => …)`. */
const binding =
  (around: (set: string, bound: string, body: string) => string): Translation =>
  ([set, lambda]) => {
    const { bound, body } = functionOf(lambda)
    return around(tla(present(set)), bound, tla(body))
  }

const operators: Readonly<Record<string, Translation>> = {
  and: infix('/\\'),
  actionAll: infix('/\\'),
  or: infix('\\/'),
  actionAny: infix('\\/'),
  implies: infix('=>'),
  not: prefix('~'),
  eq: infix('='),
  neq: infix('#'),
  iadd: infix('+'),
  isub: infix('-'),
  igt: infix('>'),
  igte: infix('>='),
  ilt: infix('<'),
  ilte: infix('<='),
  ite: (args) => {
    const [condition, yes, no] = args.map(tla)
    return `IF ${condition} THEN ${yes} ELSE ${no}`
  },
  assign: (args) => args.map(tla).join("' = "),

  // the members of a sum type that carry nothing are their names
  variant: (args) => tla(first(args)),
  Tup: (args) => `<<${args.map(tla).join(', ')}>>`,
  item: ([tuple, index]) => `${tla(present(tuple))}[${tla(present(index))}]`,
  Rec: (args) => `[${pairs(args).join(', ')}]`,
  field: ([record, name]) => `${tla(present(record))}.${textOf(name)}`,
  with: ([record, name, value]) =>
    `[${tla(present(record))} EXCEPT !.${textOf(name)} = ${tla(present(value))}]`,

  Set: (args) => `{${args.map(tla).join(', ')}}`,
  in: infix('\\in'),
  contains: (args) => infix('\\in')([...args].reverse()),
  union: infix('\\cup'),
  exclude: infix('\\'),
  filter: binding((set, bound, body) => `{${bound} \\in ${set} : ${body}}`),
  exists: binding((set, bound, body) => `\\E ${bound} \\in ${set} : ${body}`),
  forall: binding((set, bound, body) => `\\A ${bound} \\in ${set} : ${body}`),

  // the model makes only the empty map so
  Map: () => '[none \\in {} |-> none]',
  keys: prefix('DOMAIN'),
  get: ([map, key]) => `${tla(present(map))}[${tla(present(key))}]`,
  set: ([map, key, value]) =>
    `[${tla(present(map))} EXCEPT ![${tla(present(key))}] = ${tla(present(value))}]`,
  setBy: ([map, key, lambda]) => {
    const { bound, body } = functionOf(lambda)
    const [of, at] = [tla(present(map)), tla(present(key))]
    return `[${of} EXCEPT ![${at}] = LET ${bound} == ${of}[${at}] IN ${tla(body)}]`
  },
  mapBy: binding((set, bound, body) => `[${bound} \\in ${set} |-> ${body}]`),

  always: prefix('[]'),
  eventually: prefix('<>'),
  weakFair: ([action, variables]) => `WF_${tla(present(variables))}(${tla(present(action))})`,
}

function pairs(args: readonly Expression[]): readonly string[] {
  return args.flatMap((name, index) =>
    index % 2 === 0 ? [`${textOf(name)} |-> ${tla(present(args[index + 1]))}`] : [],
  )
}

function functionOf(lambda: Expression | undefined): { readonly bound: string; readonly body: Expression } {
  if (lambda?.kind !== 'lambda')
    throw new Error('This operator takes a function that is written in its place.')
  const [param] = lambda.params
  return { bound: local(param?.name ?? '_'), body: lambda.expr }
}

function textOf(name: Expression | undefined): string {
  if (name?.kind !== 'str') throw new Error('A field has a name.')
  return name.value
}

function first(args: readonly Expression[]): Expression {
  return present(args[0])
}

function present(expression: Expression | undefined): Expression {
  if (!expression) throw new Error('An operator lacks one of its arguments.')
  return expression
}
