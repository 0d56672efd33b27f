/**
 * The script of the session frame. It answers the messages of the page that framed it with `unchanged`,
 * `changed` or `error` (KI-03 to KI-11; Session Management 1.0 §3.2 and §3.3).
 *
 * It is text, because it runs in browsers and in no build of ours. `values`: `stateCookie`, the cookie's name;
 * `minCheckMs`, the least time between two questions to the server while the cookie stays the same.
 *
 * A message comes from the page that framed it (keycloak-js) or from another frame of that page (the RP frame of
 * the standard), which then has the page's own origin (SM-10), where the browser lets us see that.
 */
export const statusScript = `function (values) {
  'use strict'
  let ready
  let asked

  function readState() {
    const found = document.cookie.split('; ').find((pair) => pair.startsWith(values.stateCookie + '='))
    return found ? found.slice(values.stateCookie.length + 1) : ''
  }

  async function hasStorage() {
    if (!document.hasStorageAccess || (await document.hasStorageAccess())) return true
    try {
      await document.requestStorageAccess()
      return true
    } catch {
      return false
    }
  }

  function query(path, parameters) {
    return fetch(location.pathname + path + '?' + new URLSearchParams(parameters), { cache: 'no-store' })
  }

  async function initialise(clientId, origin) {
    const answer = await query('/init', { client_id: clientId, origin })
    return answer.status === 204
  }

  async function hashed(clientId, origin, state, salt) {
    const bytes = new TextEncoder().encode([clientId, origin, state, salt].join(' '))
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    const text = btoa(String.fromCharCode(...digest))
    return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') + '.' + salt
  }

  async function ask(clientId, origin, sid, state) {
    const isFresh = asked && asked.sid === sid && asked.state === state && Date.now() - asked.at < values.minCheckMs
    if (!isFresh) {
      const answer = query('/check', { client_id: clientId, origin, sid }).then((response) => response.json())
      asked = { sid, state, at: Date.now(), status: answer.then((body) => body.status) }
      // a question that failed is asked again; a signed-out person is never declared by a lost connection
      asked.status.catch(() => { asked = undefined })
    }
    return asked.status
  }

  async function judge(clientId, origin, sessionState) {
    const dot = sessionState.indexOf('.')
    // a hash was made for one client and one origin, so it needs no web origins as Keycloak's form does
    if (dot > 0) return (await hasStorage()) ? judgeHash(clientId, origin, sessionState, dot) : 'error'
    if (!ready || ready.origin !== origin) ready = { clientId, origin, isAllowed: initialise(clientId, origin) }
    if (ready.clientId !== clientId) return 'error'
    const isAllowed = await ready.isAllowed.catch(() => { ready = undefined; return undefined })
    if (isAllowed === undefined) return 'unchanged'
    if (!isAllowed || !(await hasStorage())) return 'error'
    const state = readState()
    if (state === '') return sessionState === '' ? 'unchanged' : 'changed'
    if (sessionState === '') return 'changed'
    return ask(clientId, origin, sessionState, state).catch(() => 'unchanged')
  }

  async function judgeHash(clientId, origin, sessionState, dot) {
    const expected = await hashed(clientId, origin, readState(), sessionState.slice(dot + 1))
    return expected === sessionState ? 'unchanged' : 'changed'
  }

  function isExpected({ source, origin }) {
    if (source === parent) return true
    const page = location.ancestorOrigins?.[0] ?? origin
    return source?.parent === parent && origin === page
  }

  addEventListener('message', async (event) => {
    if (!isExpected(event) || typeof event.data !== 'string') return
    const parts = event.data.split(' ')
    if (parts.length !== 2 || parts[0] === '') return
    const answer = await judge(parts[0], event.origin, parts[1]).catch(() => 'error')
    event.source.postMessage(answer, event.origin)
  })
}`
