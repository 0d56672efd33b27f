/**
 * An account: the end-user inside the server. Applications know it by `sub`, which may differ per application.
 */
import type { Instant } from '../ambient/clock.ts'

export interface Account {
  /** Keycloak's user id, kept on import because it is the `sub` that applications know. */
  readonly id: string
  readonly realmId: string
  readonly username: string
  readonly email: string | undefined
  readonly emailVerified: boolean
  readonly firstName: string | undefined
  readonly lastName: string | undefined
  readonly enabled: boolean
  readonly attributes: Readonly<Record<string, readonly string[]>>
  /** NumericDate; tokens issued before are refused; 0 is none. */
  readonly notBefore: number
  readonly serviceAccountClientUuid: string | undefined
  readonly createdAt: Instant
  /** Directly given roles and groups, by id; `realm` resolves composites and group roles. */
  readonly roleIds: readonly string[]
  readonly groupIds: readonly string[]
  readonly isDeleted: boolean
  readonly representation: Readonly<Record<string, unknown>>
}
