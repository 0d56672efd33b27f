import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type CurfewError, isCurfewError } from '../errors.ts'
import { describeSettings, loadSettings, type SettingSources } from './config.ts'

const load = (sources: Partial<SettingSources>) => loadSettings({ flags: {}, env: {}, ...sources })

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run()
  } catch (error) {
    assert.ok(isCurfewError(error, 'CURFEW_CONFIG_INVALID'))
    return (error as CurfewError).problems
  }
  return assert.fail('the settings were accepted')
}

describe('settings', () => {
  test('with --dev nothing else is needed', () => {
    const { settings } = load({ flags: { dev: true } })
    assert.equal(settings.port, 8080)
    assert.equal(settings.host, '127.0.0.1')
    assert.deepEqual(settings['outbound.allow'], [])
  })

  test('without --dev the two lines to add are printed', () => {
    const problems = problemsOf(() => load({}))
    assert.equal(problems.length, 2)
    assert.match(problems[0] as string, /--url https:/)
    assert.match(problems[1] as string, /--secret-file/)
  })

  test('three mistakes are told at once, each with what to do', () => {
    const problems = problemsOf(() =>
      load({
        flags: { dev: true, port: 'many' },
        env: { CURFEW_DATABSE_URL: 'x', CURFEW_LOG_LEVEL: 'loud' },
      }),
    )
    assert.equal(problems.length, 3)
    assert.match(problems.join('\n'), /--port is "many"; it must be a whole number from 0 to 65535/)
    assert.match(
      problems.join('\n'),
      /CURFEW_DATABSE_URL is not a setting. Did you mean CURFEW_DATABASE_URL\?/,
    )
    assert.match(
      problems.join('\n'),
      /CURFEW_LOG_LEVEL is "loud"; it must be one of debug, info, warn, error/,
    )
  })

  test('a flag wins over the environment, and the environment over the file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'curfew-config-'))
    try {
      const configFile = join(folder, 'curfew.yaml')
      writeFileSync(configFile, 'dev: true\nport: 1\nhost: file.example\nlog:\n  level: warn\n')
      const loaded = load({
        configFile,
        flags: { port: '3' },
        env: { CURFEW_PORT: '2', CURFEW_HOST: 'env.example' },
      })
      assert.equal(loaded.settings.port, 3)
      assert.equal(loaded.settings.host, 'env.example')
      assert.equal(loaded.settings['log.level'], 'warn')
      assert.deepEqual(
        [loaded.sources['port'], loaded.sources['host'], loaded.sources['log.level']],
        ['flag', 'environment', 'file'],
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('a secret is read from the file that its _FILE variable names', () => {
    const folder = mkdtempSync(join(tmpdir(), 'curfew-config-'))
    try {
      writeFileSync(join(folder, 'password'), 'correct horse\n')
      const { settings } = load({
        flags: { dev: true },
        env: {
          CURFEW_BOOTSTRAP_ADMIN_PASSWORD_FILE: join(folder, 'password'),
          KC_BOOTSTRAP_ADMIN_USERNAME: 'ada',
        },
      })
      assert.equal(settings['bootstrap.admin_password'], 'correct horse')
      assert.equal(settings['bootstrap.admin_username'], 'ada')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('other variables of Keycloak are ignored with a warning', () => {
    const { warnings } = load({ flags: { dev: true }, env: { KC_HOSTNAME: 'id.example' } })
    assert.deepEqual(warnings, [
      "KC_HOSTNAME is a setting of Keycloak and is ignored; Curfew's is CURFEW_URL.",
    ])
  })

  test('plain http is refused for a public address that is not this machine', () => {
    const problems = problemsOf(() => load({ flags: { url: 'http://id.example.com', 'secret-file': '/s' } }))
    assert.match(problems[0] as string, /only https protects/)
  })

  test('a listing masks secrets', () => {
    const lines = describeSettings(
      load({ flags: { dev: true, 'bootstrap-admin-password': 'hunter2' } }),
    ).join('\n')
    assert.ok(!lines.includes('hunter2'))
    assert.match(lines, /bootstrap\.admin_password = \*{8}/)
  })
})
