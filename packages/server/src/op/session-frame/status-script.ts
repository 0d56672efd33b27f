/**
 * The script of the session frame. It answers the messages of the page that framed it with `unchanged`,
 * `changed` or `error` (KI-03 to KI-11; Session Management 1.0 §3.2 and §3.3).
 *
 * It is text, because it runs in browsers and in no build of ours. `values`: `stateCookie`, the cookie's name;
 * `minCheckMs`, the least time between two questions to the server while the cookie stays the same.
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
    if (!ready || ready.origin !== origin) ready = { clientId, origin, isAllowed: initialise(clientId, origin) }
    if (ready.clientId !== clientId) return 'error'
    const isAllowed = await ready.isAllowed.catch(() => { ready = undefined; return undefined })
    if (isAllowed === undefined) return 'unchanged'
    if (!isAllowed || !(await hasStorage())) return 'error'
    const state = readState()
    if (state === '') return sessionState === '' ? 'unchanged' : 'changed'
    if (sessionState === '') return 'changed'
    const dot = sessionState.indexOf('.')
    if (dot < 0) return ask(clientId, origin, sessionState, state).catch(() => 'unchanged')
    const expected = await hashed(clientId, origin, state, sessionState.slice(dot + 1))
    return expected === sessionState ? 'unchanged' : 'changed'
  }

  addEventListener('message', async (event) => {
    if (event.source !== parent || typeof event.data !== 'string') return
    const parts = event.data.split(' ')
    if (parts.length !== 2 || parts[0] === '') return
    const answer = await judge(parts[0], event.origin, parts[1]).catch(() => 'error')
    event.source.postMessage(answer, event.origin)
  })
}`
