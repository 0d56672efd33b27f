// Keeps the result of a sign-out current. It knows no words: when the server says that something changed, it
// reads this same page again and takes over the parts whose id begins with "live-". At most once a second, so
// that the one announced sentence is not drowned.

const main = document.querySelector('main')
const shown = new Map()
const pauseMs = 1000
let source
let pollTimer
let waitTimer
let lastReadAt = 0

const parts = (root) => [...root.querySelectorAll('[id^=live-]:not([id^=live-row-])')]

// Times come in UTC; only the browser knows its reader's zone.
const localize = (root) => {
  for (const element of root.querySelectorAll('time')) {
    const date = new Date(element.dateTime)
    const isToday = date.toDateString() === new Date().toDateString()
    const day = { weekday: 'short', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' }
    const style = isToday ? { timeStyle: 'medium' } : day
    element.textContent = new Intl.DateTimeFormat(document.documentElement.lang, style).format(date)
  }
}

const takeOver = (part) => {
  const here = document.getElementById(part.id)
  if (!here || shown.get(part.id) === part.innerHTML) return
  shown.set(part.id, part.innerHTML)
  const rows = part.querySelectorAll('[id^=live-row-]')
  const isSameRows = rows.length > 0 && rows.length === here.querySelectorAll('[id^=live-row-]').length
  for (const row of isSameRows ? rows : []) {
    const old = document.getElementById(row.id)
    if (shown.get(row.id) === row.outerHTML) continue
    shown.set(row.id, row.outerHTML)
    localize(row)
    old?.replaceWith(row.cloneNode(true))
  }
  if (isSameRows) return
  localize(part)
  here.replaceChildren(...[...part.childNodes].map((node) => node.cloneNode(true)))
}

const goOn = () => {
  const seconds = main.dataset.goOnSeconds
  const back = document.getElementById('back')
  if (seconds === undefined || !back) return
  setTimeout(() => location.assign(back.href), Number(seconds) * 1000)
}

const stop = () => {
  source?.close()
  clearInterval(pollTimer)
  source = pollTimer = undefined
}

const read = async () => {
  lastReadAt = Date.now()
  const answer = await fetch(location.href, { cache: 'no-store' }).catch(() => undefined)
  if (!answer?.ok) return
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  const next = page.querySelector('main[data-live]')
  if (!next) return
  document.title = page.title
  for (const part of parts(next)) takeOver(part)
  main.dataset.live = next.dataset.live
  if (next.dataset.goOnSeconds !== undefined) main.dataset.goOnSeconds = next.dataset.goOnSeconds
  if (main.dataset.live === 'settled') {
    stop()
    goOn()
  }
}

const changed = () => {
  clearTimeout(waitTimer)
  waitTimer = setTimeout(read, Math.max(0, lastReadAt + pauseMs - Date.now()))
}

const poll = () => {
  stop()
  pollTimer = setInterval(read, 2000)
}

// A proxy that holds back the stream is noticed by its silence: no event in 3 s. One that answers for a server that
// is away ends the stream for good: a browser connects again after a cut, never after an error.
const follow = () => {
  stop()
  let isHeard = false
  source = new EventSource(`${location.pathname}/events`)
  for (const name of ['snapshot', 'app', 'summary', 'end']) {
    source.addEventListener(name, () => {
      isHeard = true
      changed()
    })
  }
  source.onerror = () => source?.readyState === 2 && poll()
  setTimeout(() => isHeard || !source || poll(), 3000)
}

for (const part of parts(document)) shown.set(part.id, part.innerHTML)
for (const row of document.querySelectorAll('[id^=live-row-]')) shown.set(row.id, row.outerHTML)
localize(document)
if (main.dataset.live === 'settled') goOn()
else {
  follow()
  document.addEventListener('visibilitychange', () => {
    if (main.dataset.live === 'settled') return
    if (document.hidden) return stop()
    changed()
    follow()
  })
}
