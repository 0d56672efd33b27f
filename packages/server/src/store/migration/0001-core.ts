/** The first schema: configuration and people, sessions, sign-outs, the outbox and the audit trail. */
import { sql } from 'kysely'
import type { Queryable } from '../store.ts'
import type { Migration } from './migrate.ts'

export const core: Migration = {
  name: '0001-core',
  isBreaking: false,
  async up(on) {
    for (const statement of statements(on)) await sql.raw(statement).execute(on.db)
  },
}

function statements({ dialect }: Queryable): readonly string[] {
  const seq =
    dialect === 'sqlite'
      ? 'integer primary key autoincrement'
      : 'bigint generated always as identity primary key'
  const int = dialect === 'sqlite' ? 'integer' : 'bigint'
  return [
    ...configuration(int),
    ...people(int),
    ...sessions(int),
    ...outbox(int),
    ...(dialect === 'postgres' ? outboxOnPostgres : []),
    ...audit(int, seq),
    ...housekeeping(int),
  ]
}

const configuration = (int: string): readonly string[] => [
  `create table realm (
    id text primary key, name text not null unique, enabled ${int} not null check (enabled in (0, 1)),
    cookie_key text not null unique, representation text not null, not_before ${int} not null,
    version ${int} not null, created_at ${int} not null, deleted_at ${int})`,
  `create table realm_key (
    kid text not null, realm_id text not null references realm (id), algorithm text not null,
    status text not null check (status in ('active', 'passive', 'retired')), priority ${int} not null,
    public_jwk text not null, private_jwk_sealed text not null, certificate text,
    created_at ${int} not null, usable_at ${int} not null, retired_at ${int}, primary key (realm_id, kid))`,
  `create table client (
    id text primary key, realm_id text not null references realm (id), client_id text not null,
    protocol text not null, enabled ${int} not null check (enabled in (0, 1)), representation text not null,
    secret_sealed text, not_before ${int} not null, created_at ${int} not null, deleted_at ${int})`,
  `create unique index client_by_client_id on client (realm_id, client_id) where deleted_at is null`,
  `create table client_scope (
    id text primary key, realm_id text not null references realm (id), name text not null,
    representation text not null, unique (realm_id, name))`,
  `create table role (
    id text primary key, realm_id text not null references realm (id), client_uuid text,
    name text not null, representation text not null)`,
  `create unique index role_by_name on role (realm_id, coalesce(client_uuid, ''), name)`,
  `create table group_ (
    id text primary key, realm_id text not null references realm (id), parent_id text references group_ (id),
    name text not null, path text not null, representation text not null, unique (realm_id, path))`,
]

const people = (int: string): readonly string[] => [
  `create table account (
    id text primary key, realm_id text not null references realm (id), username text not null, email text,
    email_verified ${int} not null, first_name text, last_name text,
    enabled ${int} not null check (enabled in (0, 1)), attributes text not null, representation text not null,
    not_before ${int} not null, service_account_client_uuid text, created_at ${int} not null, deleted_at ${int})`,
  `create unique index account_by_username on account (realm_id, username) where deleted_at is null`,
  `create index account_by_email on account (realm_id, email) where deleted_at is null`,
  `create index account_by_service_client on account (service_account_client_uuid)
    where service_account_client_uuid is not null`,
  `create table account_role (
    account_id text not null references account (id), role_id text not null references role (id),
    primary key (account_id, role_id))`,
  `create index account_role_by_role on account_role (role_id)`,
  `create table account_group (
    account_id text not null references account (id), group_id text not null references group_ (id),
    primary key (account_id, group_id))`,
  `create index account_group_by_group on account_group (group_id)`,
  `create table credential (
    id text primary key, account_id text not null references account (id), type text not null, label text,
    data text not null, priority ${int} not null, created_at ${int} not null)`,
  `create index credential_by_account on credential (account_id, type)`,
]

const sessions = (int: string): readonly string[] => [
  `create table session (
    uid text primary key, realm_id text not null, account_id text not null,
    cookie_hash text, state text not null check (state in ('active', 'ended')), created_at ${int} not null,
    last_active_at ${int} not null, idle_until ${int} not null, ends_at ${int} not null, ended_at ${int},
    sign_out_id text, remember_me ${int} not null, ip_address text, user_agent text, payload text not null,
    check ((state = 'ended') = (ended_at is not null)))`,
  `create unique index session_by_cookie on session (cookie_hash) where cookie_hash is not null`,
  `create index session_by_account on session (account_id, state)`,
  `create index session_by_idle on session (idle_until) where state = 'active'`,
  `create index session_by_end on session (ends_at) where state = 'active'`,
  `create index session_ended on session (ended_at) where state = 'ended'`,
  `create index session_by_sign_out on session (sign_out_id) where sign_out_id is not null`,
  `create table client_session (
    session_uid text not null references session (uid) on delete cascade, client_id text not null,
    realm_id text not null, sid text not null, protocol text not null, grant_id text, sub text not null,
    issuer text not null, adapter_session_id text, adapter_session_host text, name_id text, session_index text,
    started_at ${int} not null, last_active_at ${int} not null, answered_at ${int} not null,
    expires_at ${int} not null, ended_at ${int}, revoked_at ${int}, primary key (session_uid, client_id))`,
  `create unique index client_session_by_sid on client_session (sid)`,
  `create index client_session_by_client on client_session (realm_id, client_id) where ended_at is null`,
  `create table artifact (
    id_hash text primary key, realm_id text not null, kind text not null, session_uid text, client_id text,
    account_id text, grant_id text, user_code_hash text, uid text, is_offline ${int} not null,
    payload text not null, created_at ${int} not null, consumed_at ${int}, expires_at ${int})`,
  `create index artifact_by_session on artifact (session_uid) where session_uid is not null`,
  `create index artifact_by_grant on artifact (grant_id) where grant_id is not null`,
  `create index artifact_by_account on artifact (account_id) where account_id is not null`,
  `create index artifact_by_uid on artifact (uid) where uid is not null`,
  `create unique index artifact_by_user_code on artifact (user_code_hash) where user_code_hash is not null`,
  `create index artifact_by_expiry on artifact (expires_at) where expires_at is not null`,
]

const outbox = (int: string): readonly string[] => [
  `create table sign_out (
    id text primary key, realm_id text not null,
    scope text not null check (scope in ('session', 'application', 'account', 'realm')),
    kind text not null check (kind in ('ordinary', 'security')), cause text not null, initiator text not null,
    actor_account_id text, actor_client_id text, actor_ip_address text, session_uid text, account_id text,
    parent_id text references sign_out (id), application_count ${int} not null, committed_at ${int} not null,
    completed_at ${int})`,
  // I11: one sign-out per session, whoever asks.
  `create unique index sign_out_by_session on sign_out (session_uid) where scope = 'session'`,
  `create index sign_out_by_time on sign_out (committed_at)`,
  `create index sign_out_by_realm on sign_out (realm_id, committed_at)`,
  `create index sign_out_by_account on sign_out (account_id, committed_at)`,
  `create index sign_out_by_parent on sign_out (parent_id) where parent_id is not null`,
  `create index sign_out_open on sign_out (committed_at) where scope in ('account', 'realm') and completed_at is null`,
  `create table delivery (
    id text primary key, sign_out_id text not null references sign_out (id), realm_id text not null,
    session_uid text not null, client_id text not null, sid text not null, sub text not null,
    issuer text not null, channel text not null, generation ${int} not null check (generation >= 1),
    endpoint_id text not null, address text not null, priority ${int} not null check (priority in (0, 1)),
    state text not null check (state in ('pending', 'leased', 'accepted', 'rejected', 'unconfirmed',
      'unreachable', 'blocked', 'cancelled')),
    detail text, reason text, due_at ${int} not null, lease_until ${int}, lease_owner text,
    fence ${int} not null, attempt_count ${int} not null, refusal_count ${int} not null,
    internal_count ${int} not null, had_connection ${int} not null, tried_at ${int}, horizon_at ${int} not null,
    created_at ${int} not null, settled_at ${int}, replay_actor text, replay_reason text,
    check ((state = 'leased') = (lease_until is not null)),
    check ((state in ('pending', 'leased')) = (settled_at is null)),
    -- D2: one delivery per application, channel and generation of a sign-out
    unique (sign_out_id, session_uid, client_id, channel, generation))`,
  // The claim reads an endpoint's rows oldest first in each class; the sweep walks from endpoint to endpoint.
  `create index delivery_pending on delivery (endpoint_id, priority, due_at, id) where state = 'pending'`,
  `create index delivery_pending_by_age on delivery (realm_id, created_at) where state = 'pending'`,
  `create index delivery_horizon on delivery (horizon_at) where state = 'pending'`,
  `create index delivery_leased on delivery (endpoint_id, lease_until) where state = 'leased'`,
  // D11: one in flight per application and sid, whatever the channel and the generation.
  `create unique index delivery_in_flight on delivery (realm_id, client_id, sid) where state = 'leased'`,
  `create index delivery_untold on delivery (realm_id, client_id, settled_at)
    where state in ('rejected', 'unconfirmed', 'unreachable', 'blocked')`,
  `create index delivery_settled on delivery (settled_at) where settled_at is not null`,
  `create index delivery_replayed on delivery (realm_id, created_at) where generation > 1`,
  `create table attempt (
    delivery_id text not null references delivery (id) on delete cascade, number ${int} not null,
    started_at ${int} not null, finished_at ${int}, outcome text, status ${int},
    reason text, detail text, duration_ms ${int}, address text, jti text, kid text, certificate text,
    answer text, primary key (delivery_id, number))`,
  `create table endpoint (
    id text primary key, realm_id text not null, client_id text not null, channel text not null,
    failure_count ${int} not null, opened_count ${int} not null, open_until ${int}, recovered_at ${int},
    ramp_limit ${int}, ramp_success_count ${int} not null, paced_until ${int} not null, last_success_at ${int}, last_failure_at ${int}, last_reason text,
    is_gone ${int} not null, p95_ms ${int})`,
]

/**
 * Every delivery is updated twice and becomes two dead rows, which the claim would have to step over; free room in
 * the pages of attempts and endpoints lets their updates leave the indexes alone.
 */
const outboxOnPostgres: readonly string[] = [
  `alter table delivery set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 5000)`,
  `alter table attempt set (fillfactor = 70)`,
  `alter table endpoint set (fillfactor = 50)`,
]

const audit = (int: string, seq: string): readonly string[] => [
  `create table event (
    seq ${seq}, id text not null unique, realm_id text not null, at ${int} not null, type text not null,
    client_id text, account_id text, session_uid text, ip_address text, error text, details text not null)`,
  `create index event_by_realm on event (realm_id, at)`,
  `create table admin_event (
    seq ${seq}, id text not null unique, realm_id text not null, at ${int} not null,
    operation_type text not null, resource_type text not null, resource_path text not null,
    auth_realm_id text not null, auth_client_id text, auth_account_id text, auth_ip_address text,
    representation text, error text, details text not null)`,
  `create index admin_event_by_realm on admin_event (realm_id, at)`,
]

const housekeeping = (int: string): readonly string[] => [
  `create table login_failure (
    key text primary key, failure_count ${int} not null, window_started_at ${int} not null,
    window_count ${int} not null, last_failure_at ${int} not null, blocked_until ${int} not null)`,
  `create index login_failure_by_time on login_failure (last_failure_at)`,
  `create table revoked_token (id_hash text primary key, expires_at ${int} not null)`,
  `create index revoked_token_by_expiry on revoked_token (expires_at)`,
  `create table handle (
    id_hash text primary key, realm_id text, purpose text not null, payload text not null,
    expires_at ${int} not null, used_at ${int})`,
  `create index handle_by_expiry on handle (expires_at)`,
  `create table process (
    id text primary key, schema_version ${int} not null, started_at ${int} not null, seen_at ${int} not null)`,
]
