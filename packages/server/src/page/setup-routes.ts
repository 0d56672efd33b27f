/** The first administrator: the page behind the one-time link that the server prints (experience.md §4.1). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { passwordLengthMax, type StoredPassword } from '../account/password.ts'
import type { PasswordPool } from '../account/password-pool.ts'
import type { Ambient } from '../ambient/ambient.ts'
import type { Instant } from '../ambient/clock.ts'
import { type BootstrapOutcome, bootstrapAdmin, hasAdministrator } from '../realm/bootstrap-admin.ts'
import type { Realm, Realms } from '../realm/realm.ts'
import { giveSetupTicketBack, isSetupTicketValid, useSetupTicket } from '../realm/setup-ticket.ts'
import { updateRepresentation } from '../realm/update-representation.ts'
import type { Store, Tx } from '../store/store.ts'
import { localUrl } from './html.ts'
import {
  frameOf,
  isFromOtherSite,
  type PageSettings,
  parametersOf,
  sendErrorPage,
  sendPage,
} from './page-answer.ts'
import {
  passwordLengthMin,
  type SetupPage,
  type SetupProblem,
  setupDonePage,
  setupPage,
} from './setup-page.ts'

export interface SetupPageDeps {
  readonly store: Store
  readonly realms: Realms
  readonly ambient: Ambient
  readonly passwords: PasswordPool
  readonly settings: PageSettings
}

interface Answers {
  readonly organisation: string
  readonly username: string
  readonly email: string
}

export function registerSetupPages(app: FastifyInstance, deps: SetupPageDeps): void {
  const show = (request: FastifyRequest, reply: FastifyReply, page: SetupPage, status = 200): FastifyReply =>
    sendPage(reply, deps.settings, status, setupPage(frameOf(deps.settings, undefined, request), page))

  app.get('/setup', async (request, reply) => {
    // set up already: the bare address says where one is
    if (await hasAdministrator(deps.store.read)) return reply.redirect('/')
    return show(request, reply, { action: localUrl('/setup') })
  })
  app.post('/setup', async (request, reply) => {
    const ticket = parametersOf(request).get('ticket') ?? ''
    if (await isSetupTicketValid(deps.store.read, ticket, deps.ambient.clock.now())) {
      return reply
        .code(303)
        .header('location', `/setup/${encodeURIComponent(ticket.trim())}`)
        .send()
    }
    return show(request, reply, { action: localUrl('/setup'), problem: 'ticketWrong' }, 400)
  })
  app.get('/setup/:ticket', async (request, reply) => {
    const { ticket } = request.params as { ticket: string }
    if (!(await isSetupTicketValid(deps.store.read, ticket, deps.ambient.clock.now()))) {
      return show(request, reply, { action: localUrl('/setup'), problem: 'ticketWrong' }, 400)
    }
    const values = { organisation: '', username: '', email: '' }
    return show(request, reply, { action: localUrl(`/setup/${encodeURIComponent(ticket)}`), values })
  })
  app.post('/setup/:ticket', (request, reply) => makeAdministrator(deps, request, reply, show))
}

type Show = (request: FastifyRequest, reply: FastifyReply, page: SetupPage, status?: number) => FastifyReply

async function makeAdministrator(
  deps: SetupPageDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  show: Show,
): Promise<FastifyReply> {
  const { settings, realms, passwords, store, ambient } = deps
  if (isFromOtherSite(request))
    return sendErrorPage({ settings, realm: undefined, request, reply }, { kind: 'form' })
  const { ticket } = request.params as { ticket: string }
  const form = parametersOf(request)
  const values = {
    organisation: read(form, 'organisation'),
    username: read(form, 'username'),
    email: read(form, 'email'),
  }
  const password = form.get('password') ?? ''
  // the field takes no more; a longer one would be stored and never match
  if (password.length > passwordLengthMax)
    return sendErrorPage({ settings, realm: undefined, request, reply }, { kind: 'request' })
  const action = localUrl(`/setup/${encodeURIComponent(ticket)}`)
  const problem = problemOf(values, password)
  if (problem) return show(request, reply, { action, values, problem }, 400)
  const ticketWrong = { action: localUrl('/setup'), problem: 'ticketWrong' } as const
  // before the hash: whoever has no ticket does not get work that sign-ins wait for
  if (!(await isSetupTicketValid(store.read, ticket, ambient.clock.now())))
    return show(request, reply, ticketWrong, 400)
  const master = await realms.byName('master')
  const hashed = await passwords.hash(password)
  if (hashed === 'busy' || !master) {
    return sendErrorPage({ settings, realm: undefined, request, reply }, { kind: 'unavailable' })
  }
  const at = ambient.clock.now()
  const outcome = await store.transact((tx) =>
    setUp(ambient, tx, { ticket, master, answers: values, hashed, at }),
  )
  switch (outcome) {
    case 'created':
      realms.invalidate(master.id)
      return sendDone(deps, request, reply, values.username)
    case 'name_taken':
      return show(request, reply, { action, values, problem: 'usernameTaken' }, 400)
    case 'ticket_used':
    case 'has_administrator':
      return show(request, reply, ticketWrong, 400)
  }
}

/** The administrator, and the organisation's name above the pages of `master`. */
async function setUp(
  ambient: Ambient,
  tx: Tx,
  of: {
    readonly ticket: string
    readonly master: Realm
    readonly answers: Answers
    readonly hashed: StoredPassword
    readonly at: Instant
  },
): Promise<BootstrapOutcome | 'ticket_used'> {
  const { ticket, master, answers, hashed, at } = of
  if (!(await useSetupTicket(tx, ticket, at))) return 'ticket_used'
  const { username, organisation } = answers
  const email = answers.email || undefined
  const outcome = await bootstrapAdmin(ambient, tx, master, { username, email, password: hashed }, at)
  if (outcome === 'name_taken') await giveSetupTicketBack(tx, ticket)
  if (outcome === 'created' && organisation !== '') {
    await updateRepresentation(tx, master.id, { displayName: organisation })
  }
  return outcome
}

function read(form: URLSearchParams, name: string): string {
  return (form.get(name) ?? '').trim().slice(0, 255)
}

/** ASVS 5.0 6.2.1, 6.2.4, 6.2.5: length, not composition, and none of the words that everybody tries first. */
function problemOf({ username, email }: Answers, password: string): SetupProblem | undefined {
  if (!/^[^\s<>"'`]{1,255}$/.test(username)) return 'usernameWrong'
  if (email !== '' && !/^[^\s@]+@[^\s@]+$/.test(email)) return 'emailWrong'
  if (password.length < passwordLengthMin) return 'passwordShort'
  return isEasilyGuessed(password, username) ? 'passwordCommon' : undefined
}

function isEasilyGuessed(password: string, username: string): boolean {
  const plain = password.toLowerCase()
  if (plain.includes(username.toLowerCase()) && plain.length < username.length + 6) return true
  return new Set(plain).size <= 3 || /^(password|passwort|qwerty|azerty|letmein|welcome|12345678)/.test(plain)
}

function sendDone(
  { settings }: SetupPageDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  username: string,
): FastifyReply {
  const page = setupDonePage(frameOf(settings, undefined, request), {
    account: username,
    next: localUrl('/'),
  })
  return sendPage(reply, settings, 200, page)
}
