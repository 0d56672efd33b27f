/** The first thing that anybody does with Curfew, in a real Chromium. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { findPython } from '../../src/command/demo/find-python.ts'
import { launchBrowser } from '../support/browser.ts'
import { type DemoProcess, startDemo } from '../support/demo-process.ts'

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const arrivalTimeoutMs = 20_000
const node = ['wiki', 'chat', 'files'] as const
type Name = (typeof node)[number] | 'portal'

const isRequired = process.env['CI'] === 'true'
const portalSkip = findPython() || isRequired ? false : 'there is no Python 3.10 or newer on this machine'

describe('the demo without the portal', () => {
  const { open } = demoForTests({ port: 24_000, withPortal: false })

  test('one sign-in opens three applications, one sign-out ends all of them, and the page counts 3 of 3', async (t) => {
    const { person, pages } = await open(t, node)
    await person.signOutAt('wiki')
    await person.seesTitle('Signed out of 3 of 3 applications')
    for (const name of node) await person.seesCard(name, 'Signed out')
    assert.match((await pages.chat?.textContent('main')) ?? '', /Signed out/)
    assert.deepEqual(await person.findings(), [])
  })

  test('a stopped application makes it 2 of 3, and 3 of 3 on the same page when it is started again', async (t) => {
    const { person } = await open(t, node)
    await person.press('Stop Files')
    await person.seesCard('files', 'Stopped')
    await person.signOutAt('chat')
    await person.seesTitle('Signed out of 2 of 3 applications')
    await person.seesCard('wiki', 'Signed out')
    await person.press('Start Files')
    await person.seesTitle('Signed out of 3 of 3 applications')
    await person.seesCard('files', 'Signed out')
  })
})

describe('the demo with the portal (Django)', { skip: portalSkip }, () => {
  const { open } = demoForTests({ port: 25_000, withPortal: true })

  test('a sign-out that began elsewhere counts 3 of 4, and says that the portal cannot be told', async (t) => {
    const { person } = await open(t, [...node, 'portal'])
    await person.signOutAt('files')
    await person.seesTitle('Signed out of 3 of 4 applications')
    assert.match(await person.resultRow('Portal'), /Not supported/)
    await person.seesCard('portal', 'Signed in')
  })

  test("a sign-out by the package's own view proves who asks, so it ends every application without a question", async (t) => {
    const { person } = await open(t, [...node, 'portal'])
    await person.signOutAt('portal', "Sign out by the package's own view")
    await person.seesTitle('Signed out of 4 of 4 applications')
    assert.match(await person.resultRow('Portal'), /It asked for this sign-out/)
    for (const name of [...node, 'portal'] as const) await person.seesCard(name, 'Signed out')
  })

  test("a sign-out that begins at the portal's own view asks, and then ends every application", async (t) => {
    const { person } = await open(t, [...node, 'portal'])
    await person.signOutAt('portal')
    await person.confirms()
    await person.seesTitle('Signed out of 4 of 4 applications')
    for (const name of [...node, 'portal'] as const) await person.seesCard(name, 'Signed out')
  })
})

function demoForTests(options: { port: number; withPortal: boolean }) {
  let demo: DemoProcess
  let browser: Browser
  before(async () => {
    browser = await launchBrowser()
    demo = await startDemo(options)
  })
  after(async () => {
    await browser?.close()
    await demo?.[Symbol.asyncDispose]()
  })
  return {
    /** A new browser whose person has signed in at the first of these applications and opened the others. */
    async open(t: TestContext, names: readonly Name[]) {
      const context = await browser.newContext()
      t.after(() => context.close())
      const person = await personAt(context, demo.startPage)
      const pages: Partial<Record<Name, Page>> = {}
      for (const name of names) pages[name] = await person.signsInAt(name)
      for (const name of names) await person.seesCard(name, 'Signed in')
      return { person, pages }
    },
  }
}

async function personAt(context: BrowserContext, startPage: string) {
  const start = await context.newPage()
  const complaints: string[] = []
  context.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) complaints.push(message.text())
  })
  await start.goto(startPage)
  const pages = new Map<Name, Page>()
  let result: Page | undefined
  const card = (name: Name) => start.locator(`.card.${name}`)
  return {
    async signsInAt(name: Name): Promise<Page> {
      const [page] = await Promise.all([context.waitForEvent('page'), card(name).getByRole('link').click()])
      await page.getByRole('button', { name: 'Sign in' }).click()
      const password = page.locator('input[name=password]')
      await password.or(page.getByText('Signed in as')).first().waitFor()
      if (await password.isVisible()) {
        await page.fill('input[name=username]', 'alice')
        await page.fill('input[name=password]', 'alice')
        await page.keyboard.press('Enter')
      }
      await page.getByText('Signed in as').waitFor()
      pages.set(name, page)
      return page
    },
    async signOutAt(name: Name, button = 'Sign out'): Promise<void> {
      result = pages.get(name)
      await result?.getByRole('button', { name: button, exact: true }).click()
    },
    async confirms(): Promise<void> {
      await result?.locator('main form button').first().click()
    },
    async seesTitle(title: string): Promise<void> {
      await result?.getByRole('heading', { name: title, exact: true }).waitFor({ timeout: arrivalTimeoutMs })
    },
    async resultRow(application: string): Promise<string> {
      return (await result?.locator('li', { hasText: application }).first().textContent()) ?? ''
    },
    async seesCard(name: Name, words: string): Promise<void> {
      await card(name).getByText(words, { exact: true }).waitFor({ timeout: arrivalTimeoutMs })
    },
    async press(button: string): Promise<void> {
      await start.getByRole('button', { name: button, exact: true }).click()
    },
    /** What axe finds on every open page, and what a content security policy stopped. */
    async findings(): Promise<readonly string[]> {
      const found = [...complaints]
      for (const page of context.pages()) {
        await page.evaluate(axeSource)
        const violations = await page.evaluate(
          'axe.run().then((result) => result.violations.map((one) => one.id))',
        )
        found.push(...(violations as string[]).map((id) => `${page.url()} ${id}`))
      }
      return found
    },
  }
}
