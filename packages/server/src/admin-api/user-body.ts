/** What is read of a UserRepresentation that was sent; what has no column is kept (KQ-34). */
import { Type } from '@fastify/type-provider-typebox'
import type { AccountChange } from '../account/change-account.ts'
import type { Representation } from '../rp/representation.ts'

const name = Type.String({ maxLength: 255 })
const values = Type.Union([Type.String(), Type.Array(Type.String())])

export const credentialBody = Type.Object({
  type: Type.Optional(Type.String()),
  value: Type.Optional(Type.String({ maxLength: 1024 })),
  temporary: Type.Optional(Type.Boolean()),
})

export const userBody = Type.Object({
  username: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  email: Type.Optional(name),
  firstName: Type.Optional(name),
  lastName: Type.Optional(name),
  enabled: Type.Optional(Type.Boolean()),
  emailVerified: Type.Optional(Type.Boolean()),
  attributes: Type.Optional(Type.Record(Type.String(), values)),
  requiredActions: Type.Optional(Type.Array(Type.String())),
  credentials: Type.Optional(Type.Array(credentialBody, { maxItems: 10 })),
})

export interface UserBody {
  readonly username?: string
  /** Empty removes it, as the three are shown to be absent then. */
  readonly email?: string
  readonly firstName?: string
  readonly lastName?: string
  readonly enabled?: boolean
  readonly emailVerified?: boolean
  readonly attributes?: Readonly<Record<string, string | readonly string[]>>
  readonly requiredActions?: readonly string[]
  readonly credentials?: readonly { readonly type?: string; readonly value?: string }[]
}

/** Members with a column, and members that other calls set or the server makes: never kept with the rest. */
const notKept: ReadonlySet<string> = new Set([
  ...[
    'id',
    'username',
    'email',
    'firstName',
    'lastName',
    'enabled',
    'emailVerified',
    'attributes',
    'notBefore',
  ],
  ...[
    'createdTimestamp',
    'access',
    'credentials',
    'realmRoles',
    'clientRoles',
    'groups',
    'serviceAccountClientId',
  ],
  ...['self', 'origin', 'totp', 'disableableCredentialTypes', 'userProfileMetadata', 'applicationRoles'],
])

export function changeFromBody(body: UserBody, kept: Representation): AccountChange {
  const rest = Object.entries(body).filter(([member, value]) => !notKept.has(member) && value !== undefined)
  return {
    ...pick(body, ['username', 'enabled', 'emailVerified']),
    ...(body.email === undefined ? {} : { email: body.email.trim() || null }),
    ...(body.firstName === undefined ? {} : { firstName: body.firstName || null }),
    ...(body.lastName === undefined ? {} : { lastName: body.lastName || null }),
    ...(body.attributes === undefined ? {} : { attributes: listsOf(body.attributes) }),
    ...(rest.length === 0 ? {} : { representation: { ...kept, ...Object.fromEntries(rest) } }),
  }
}

function pick<K extends keyof UserBody>(body: UserBody, members: readonly K[]): Pick<UserBody, K> {
  return Object.fromEntries(
    members.filter((member) => body[member] !== undefined).map((member) => [member, body[member]]),
  ) as Pick<UserBody, K>
}

function listsOf(attributes: NonNullable<UserBody['attributes']>): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key, typeof value === 'string' ? [value] : value]),
  )
}

/** The first password among the credentials that came along, if any. */
export function passwordOf(credentials: UserBody['credentials']): string | undefined {
  return credentials?.find(({ type, value }) => (type ?? 'password') === 'password' && value)?.value
}
