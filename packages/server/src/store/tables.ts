/**
 * The tables as Kysely sees them: one schema for SQLite and PostgreSQL. `docs/storage.md` says of every column
 * how long it lives and what is hashed or sealed.
 *
 * Instants (`…_at`, `…_until`) are whole milliseconds since 1970. Booleans are 0 or 1. JSON is text: it is
 * parsed in one place, the mapper of its row. `seq` columns are filled by the database.
 */
import type { Generated } from 'kysely'

export interface RealmTable {
  id: string
  name: string
  enabled: number
  /** Short id of the realm in `[a-z0-9]`, the end of its cookies' names. */
  cookie_key: string
  /** The realm's representation as imported (Keycloak's members), without clients, users, roles, groups, keys. */
  representation: string
  /** Not-before of every token of the realm, in seconds (NumericDate); 0 is none. */
  not_before: number
  /** Raised by every change of the realm, its clients, scopes, roles or keys; processes drop what they cached. */
  version: number
  created_at: number
  deleted_at: number | null
}

export interface RealmKeyTable {
  kid: string
  realm_id: string
  algorithm: string
  /** `active` signs; `passive` only verifies and is published; `retired` is kept to explain old tokens. */
  status: string
  priority: number
  public_jwk: string
  /** JWK sealed with the server secret (key/seal.ts). */
  private_jwk_sealed: string
  certificate: string | null
  created_at: number
  /** From this instant on the key may sign; it is published before. */
  usable_at: number
  retired_at: number | null
}

export interface ClientTable {
  /** Keycloak's internal id (a UUID), not the OAuth `client_id`. */
  id: string
  realm_id: string
  client_id: string
  protocol: string
  enabled: number
  /** ClientRepresentation as imported or created, without `secret`. */
  representation: string
  /** The client secret sealed with the server secret: the admin API must be able to show it. */
  secret_sealed: string | null
  not_before: number
  created_at: number
  /** A deleted client stays as a tombstone until its deliveries are final (D13). */
  deleted_at: number | null
}

export interface ClientScopeTable {
  id: string
  realm_id: string
  name: string
  representation: string
}

export interface RoleTable {
  id: string
  realm_id: string
  /** Internal id of the client for a client role, else null. */
  client_uuid: string | null
  name: string
  representation: string
}

export interface GroupTable {
  id: string
  realm_id: string
  parent_id: string | null
  name: string
  path: string
  representation: string
}

export interface AccountTable {
  id: string
  realm_id: string
  /** Lower case; unique in the realm. */
  username: string
  email: string | null
  email_verified: number
  first_name: string | null
  last_name: string | null
  enabled: number
  /** Attributes as Keycloak writes them: name to list of strings. */
  attributes: string
  /** Members of the UserRepresentation that have no column. */
  representation: string
  not_before: number
  /** Internal id of the client whose service account this is. */
  service_account_client_uuid: string | null
  created_at: number
  deleted_at: number | null
}

export interface AccountRoleTable {
  account_id: string
  role_id: string
}

export interface AccountGroupTable {
  account_id: string
  group_id: string
}

export interface CredentialTable {
  id: string
  account_id: string
  /** `password`, `otp`, … as Keycloak names them. */
  type: string
  label: string | null
  /** Salted hash and its parameters for passwords; other secrets are sealed. */
  data: string
  priority: number
  created_at: number
}

export interface SessionTable {
  uid: string
  realm_id: string
  account_id: string
  /** SHA-256 of the cookie's value. */
  cookie_hash: string | null
  state: string
  created_at: number
  last_active_at: number
  idle_until: number
  ends_at: number
  ended_at: number | null
  sign_out_id: string | null
  remember_me: number
  ip_address: string | null
  user_agent: string | null
  /** The engine's small session payload (loginTs, acr, amr), without cookie value and authorizations. */
  payload: string
}

export interface ClientSessionTable {
  session_uid: string
  client_id: string
  realm_id: string
  sid: string
  protocol: string
  grant_id: string | null
  /** The subject that this application saw (pairwise where configured). */
  sub: string
  /** The issuer that this application saw. */
  issuer: string
  adapter_session_id: string | null
  adapter_session_host: string | null
  name_id: string | null
  session_index: string | null
  started_at: number
  last_active_at: number
  /** When the response that opened it left; the first notice waits until 1 s after (SR-19). */
  answered_at: number
  expires_at: number
  ended_at: number | null
  /** Tokens of this application were revoked, though it is still to be told (KV-01). */
  revoked_at: number | null
}

export interface ArtifactTable {
  /** SHA-256 of the engine's id, prefixed with the kind. */
  id_hash: string
  realm_id: string
  kind: string
  session_uid: string | null
  client_id: string | null
  account_id: string | null
  grant_id: string | null
  user_code_hash: string | null
  uid: string | null
  is_offline: number
  payload: string
  created_at: number
  consumed_at: number | null
  expires_at: number | null
}

export interface SignOutTable {
  id: string
  realm_id: string
  /** `session`, `application`, `account`, `realm`. */
  scope: string
  /** `ordinary` keeps offline grants, `security` ends everything. */
  kind: string
  cause: string
  /** `user`, `admin`, `app`, `expiry`, `api`, `upstream`. */
  initiator: string
  actor_account_id: string | null
  actor_client_id: string | null
  actor_ip_address: string | null
  session_uid: string | null
  account_id: string | null
  /** The sign-out over many sessions that this one is a part of (D18). */
  parent_id: string | null
  application_count: number
  committed_at: number
  /** When the last of its deliveries was written: null while a wide one is still at it (D18). */
  completed_at: number | null
}

export interface DeliveryTable {
  id: string
  sign_out_id: string
  realm_id: string
  session_uid: string
  client_id: string
  sid: string
  sub: string
  issuer: string
  channel: string
  generation: number
  /** Key of the endpoint row: realm, client and channel. */
  endpoint_id: string
  /** The address at the time of the sign-out, for display; the address used is read at each try (D6, D13). */
  address: string
  /** 0 = one person's sign-out, 1 = bulk (D10). */
  priority: number
  state: string
  detail: string | null
  reason: string | null
  due_at: number
  lease_until: number | null
  lease_owner: string | null
  fence: number
  attempt_count: number
  /** Tries that ended in a "no". */
  refusal_count: number
  /** Tries that ended in an exception of our own (D17). */
  internal_count: number
  /** 1 once any try had a connection on which the request could be sent, or ended without our knowing (a crash). */
  had_connection: number
  /** Start of the last try. */
  tried_at: number | null
  /** No try after this instant (D12). */
  horizon_at: number
  created_at: number
  settled_at: number | null
  /** For a replay: who and why. */
  replay_actor: string | null
  replay_reason: string | null
}

export interface AttemptTable {
  delivery_id: string
  /** The fence of the claim that it belongs to. */
  number: number
  started_at: number
  finished_at: number | null
  /** `accepted`, `refused`, `recoverable`, `blocked`, `not_sent`, `internal`; null = started, unknown. */
  outcome: string | null
  status: number | null
  reason: string | null
  detail: string | null
  duration_ms: number | null
  address: string | null
  jti: string | null
  kid: string | null
  /** SHA-256 of the token, base64url. */
  token_hash: string | null
  /** JSON: summary of the certificate chain that was presented. */
  certificate: string | null
  /** First 2 KB of the answer. */
  answer: string | null
}

export interface EndpointTable {
  id: string
  realm_id: string
  client_id: string
  channel: string
  failure_count: number
  opened_count: number
  open_until: number | null
  /** Set when the breaker closes: what was tried before is due at once (D8); null when all of it was tried again. */
  recovered_at: number | null
  /** Leased rows allowed at once while ramping after a recovery (D9); null = no ramp. */
  ramp_limit: number | null
  ramp_success_count: number
  /** The ceiling on the rate: one try takes `1 s / rate` of this instant's lead over the present (D9). */
  paced_until: number
  last_success_at: number | null
  last_failure_at: number | null
  last_reason: string | null
  is_gone: number
  p95_ms: number | null
}

export interface EventTable {
  seq: Generated<number>
  id: string
  realm_id: string
  at: number
  type: string
  client_id: string | null
  account_id: string | null
  session_uid: string | null
  ip_address: string | null
  error: string | null
  details: string
}

export interface AdminEventTable {
  seq: Generated<number>
  id: string
  realm_id: string
  at: number
  operation_type: string
  resource_type: string
  resource_path: string
  auth_realm_id: string
  auth_client_id: string | null
  auth_account_id: string | null
  auth_ip_address: string | null
  representation: string | null
  error: string | null
  details: string
}

export interface LoginFailureTable {
  /** Hash of realm and account, or of realm and source. */
  key: string
  failure_count: number
  window_started_at: number
  window_count: number
  last_failure_at: number
  blocked_until: number
}

export interface RevokedTokenTable {
  /** Realm and `jti` of a revoked access token, hashed. */
  id_hash: string
  expires_at: number
}

/** A value that is used once: setup link, continued cross-site POST (SR-21), confirm form, result page. */
export interface HandleTable {
  id_hash: string
  realm_id: string | null
  purpose: string
  payload: string
  expires_at: number
  used_at: number | null
}

export interface ProcessTable {
  id: string
  schema_version: number
  started_at: number
  seen_at: number
}

export interface SchemaMigrationTable {
  name: string
  applied_at: number
  is_breaking: number
}

export interface Tables {
  realm: RealmTable
  realm_key: RealmKeyTable
  client: ClientTable
  client_scope: ClientScopeTable
  role: RoleTable
  group_: GroupTable
  account: AccountTable
  account_role: AccountRoleTable
  account_group: AccountGroupTable
  credential: CredentialTable
  session: SessionTable
  client_session: ClientSessionTable
  artifact: ArtifactTable
  sign_out: SignOutTable
  delivery: DeliveryTable
  attempt: AttemptTable
  endpoint: EndpointTable
  event: EventTable
  admin_event: AdminEventTable
  login_failure: LoginFailureTable
  revoked_token: RevokedTokenTable
  handle: HandleTable
  process: ProcessTable
  schema_migration: SchemaMigrationTable
}
