/** What every kind of mapper is made of: the shape that the registry in `mapper.ts` lists. */
import type { Account } from '../../account/account.ts'
import type { Realm } from '../../realm/realm.ts'
import type { Client } from '../../rp/client.ts'
import type { Claims } from './claim-path.ts'
import type { GrantedRoles } from './granted-roles.ts'

export const clientIdPlaceholder = '${client_id}'

export type MapperConfig = Readonly<Record<string, string>>

/** What a session knows beside the account; `AUTH_TIME` (seconds, as text) and `acr` are the usual ones. */
export type SessionNotes = Readonly<Record<string, string>>

/** One making of claims, handed from mapper to mapper. */
export interface Making {
  readonly realm: Realm
  readonly client: Client
  readonly account: Account
  readonly notes: SessionNotes
  readonly claims: Claims
  readonly audience: Set<string>
  /** Worked out at the first use: most mappers never ask. */
  roles(): GrantedRoles
}

/** Writes what one configured mapper has to say. */
export type MapClaims = (making: Making) => void

export interface MapperKind {
  /** Lower runs first: roles are renamed and added before audiences are derived and roles are written. */
  readonly priority: number
  /** What of the account it reads; `group-attributes` needs the groups only in realms whose groups have some. */
  readonly reads: 'profile' | 'roles' | 'groups' | 'group-attributes'
  /** It says something of the sign-in or of the token that has no place in userinfo, whatever the flags say. */
  readonly isNeverInUserinfo?: true
  /** Kinds that exports of older Keycloaks write without flags, because they had none: always in access tokens. */
  readonly isAlwaysInAccessToken?: true
  /** Roles that later mappers see are changed for every target alike, whatever the flags say. */
  readonly isForEveryTarget?: true
  configure(config: MapperConfig): MapClaims
}
