/** An account as Keycloak's UserRepresentation. */

import type { Account } from '../account/account.ts'
import { importedMember } from '../realm/import/write-accounts.ts'

export interface UserAccess {
  readonly mayManage: boolean
}

export function briefUserWire(account: Account, { mayManage }: UserAccess) {
  return {
    id: account.id,
    username: account.username,
    firstName: account.firstName,
    lastName: account.lastName,
    email: account.email,
    emailVerified: account.emailVerified,
    enabled: account.enabled,
    createdTimestamp: account.createdAt,
    access: {
      manageGroupMembership: mayManage,
      view: true,
      mapRoles: mayManage,
      impersonate: false,
      manage: mayManage,
    },
  }
}

/** Members without a column of their own come as they were imported or sent (KQ-34); credentials never. */
export function userWire(account: Account, access: UserAccess) {
  const { credentials: _, [importedMember]: __, ...kept } = account.representation
  return {
    totp: false,
    disableableCredentialTypes: [],
    requiredActions: [],
    ...kept,
    ...briefUserWire(account, access),
    attributes: account.attributes,
    notBefore: account.notBefore,
  }
}
