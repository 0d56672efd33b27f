/**
 * Every setting of the server, with its bounds, default and reason. One dotted name in the file
 * (`database.url`), one flag (`--database-url`), one variable (`CURFEW_DATABASE_URL`), derived from each other.
 * `docs/configuration.md` is generated from this file.
 */
import { type Static, Type } from 'typebox'

const text = (description: string, options: object = {}) =>
  Type.String({ description, minLength: 1, maxLength: 4096, ...options })
const switchOf = (description: string, value: boolean) => Type.Boolean({ description, default: value })
const list = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), { description, default: [], maxItems: 200 })

/** What the operator allows for one application alone, by `<realm>/<client_id>`; never settable by an import or a registration. */
const applicationOutbound = Type.Object(
  {
    allow_private_network: Type.Optional(Type.Array(Type.String())),
    tls_server_name: Type.Optional(Type.String()),
    ca_files: Type.Optional(Type.Array(Type.String())),
    client_certificate_file: Type.Optional(Type.String()),
    client_key_file: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)

export const settingsSchema = Type.Object(
  {
    dev: switchOf(
      'Development: plain http on loopback, a server secret made in the data folder, outbound calls to loopback addresses allowed.',
      false,
    ),
    url: Type.Optional(
      text(
        'Public address of the server as browsers and applications use it; the base of every issuer. Required without `dev`.',
      ),
    ),
    host: text('Address to listen on.', { default: '127.0.0.1' }),
    port: Type.Integer({
      description: 'Port to listen on; 0 takes a free one.',
      default: 8080,
      minimum: 0,
      maximum: 65535,
    }),
    management_port: Type.Optional(
      Type.Integer({
        description:
          'A port of its own for /health and /metrics on the same host. Unset: they answer on the main port.',
        minimum: 0,
        maximum: 65535,
      }),
    ),
    data: text('Folder of the embedded database and, with `dev`, of the server secret.', {
      default: './curfew-data',
    }),
    'database.url': Type.Optional(
      text('postgres://… for PostgreSQL. Unset: the embedded SQLite database in the data folder.'),
    ),
    'database.connection_count_max': Type.Integer({
      description: 'PostgreSQL connections of one process.',
      default: 10,
      minimum: 2,
      maximum: 100,
    }),
    secret_file: Type.Optional(
      text(
        'File with the server secret: at least 32 random bytes, in base64 or hex. The same for every process. Required without `dev`.',
      ),
    ),
    import_realm: list(
      'Realm export files of Keycloak to import at the start; an unchanged realm is left alone.',
    ),
    'outbound.allow': list(
      'Private addresses that may be called, plain http included: CIDR or host, with ports: `10.0.0.0/8:443,8080`; 443 and 8443 without, `:*` for all. Nothing private is called otherwise.',
    ),
    'outbound.allow_link_local': switchOf(
      'A second switch for link-local and cloud metadata addresses, which `outbound.allow` alone never opens.',
      false,
    ),
    'outbound.applications': Type.Record(Type.String(), applicationOutbound, {
      description:
        'Exceptions for single applications, by `<realm>/<client_id>`; only in the configuration file.',
      default: {},
    }),
    'outbound.proxy': Type.Optional(text('CONNECT proxy for outbound calls, `http://host:port`.')),
    'trust.ca_files': list(
      'PEM files with certificate authorities that are trusted beside the bundled ones.',
    ),
    'trust.crl_files': list('PEM files with revocation lists, one for each certificate authority in use.'),
    'trust.use_system_ca': switchOf("Trust the operating system's certificate authorities too.", false),
    'trust.allow_partial_chain': switchOf(
      'Accept an intermediate in the trust list as an anchor, as Java does.',
      false,
    ),
    'proxy.trusted': list('Addresses (CIDR) of reverse proxies whose X-Forwarded-For is believed.'),
    legacy_auth_path: switchOf('Answer below /auth as well, as Keycloak before 17 did (KP-40).', false),
    legacy_redirect_uri: switchOf(
      'Accept `redirect_uri` at the logout endpoint, as Keycloak before 18 did (KL-50).',
      true,
    ),
    master_password_grant: Type.Optional(
      Type.Boolean({
        description: 'Password grant for `admin-cli` in realm `master` (SR-24). Unset: only with `dev`.',
      }),
    ),
    'bootstrap.admin_username': Type.Optional(
      text(
        'First administrator of realm `master`; used only while there is none. Also KC_BOOTSTRAP_ADMIN_USERNAME.',
      ),
    ),
    'bootstrap.admin_password': Type.Optional(
      text('Password of the first administrator; better as a file (CURFEW_BOOTSTRAP_ADMIN_PASSWORD_FILE).'),
    ),
    'delivery.slot_count': Type.Integer({
      description: 'Deliveries in flight at once in one process.',
      default: 256,
      minimum: 1,
      maximum: 4096,
    }),
    'delivery.leased_count_max': Type.Integer({
      description: 'Deliveries in flight at once to one endpoint, over all processes.',
      default: 2,
      minimum: 1,
      maximum: 16,
    }),
    'delivery.rate_per_second_max': Type.Integer({
      description: 'Deliveries per second to one endpoint.',
      default: 50,
      minimum: 1,
      maximum: 10_000,
    }),
    'delivery.retention_days': Type.Integer({
      description: 'Days that deliveries are kept after their verdict.',
      default: 30,
      minimum: 1,
      maximum: 3650,
    }),
    'log.level': Type.Union(
      [Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')],
      {
        description: 'Lowest level that is written.',
        default: 'info',
      },
    ),
    'log.format': Type.Union([Type.Literal('auto'), Type.Literal('json'), Type.Literal('pretty')], {
      description: 'JSON lines, or readable lines; `auto` is readable on a terminal.',
      default: 'auto',
    }),
    event_line_quotes: Type.Union([Type.Literal('needed'), Type.Literal('all')], {
      description: 'Which values of an event line are quoted (KE-31).',
      default: 'needed',
    }),
    'drain.timeout_seconds': Type.Integer({
      description: 'How long a stopping server finishes requests and deliveries in flight.',
      default: 10,
      minimum: 1,
      maximum: 60,
    }),
  },
  { additionalProperties: false, title: 'Curfew settings' },
)

export type Settings = Static<typeof settingsSchema>

/** Settings whose value never appears in a message or a listing. */
export const secretSettings: ReadonlySet<string> = new Set(['bootstrap.admin_password', 'database.url'])

/** `database.url` → `database-url`. */
export function flagOf(name: string): string {
  return name.replaceAll(/[._]/g, '-')
}

/** `database.url` → `CURFEW_DATABASE_URL`. */
export function variableOf(name: string): string {
  return `CURFEW_${name.replaceAll('.', '_').toUpperCase()}`
}
