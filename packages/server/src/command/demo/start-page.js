/** Keeps the cards true: asks each application for this browser's state, and the demo which processes run. */
const askEveryMs = 2000
const cards = [...document.querySelectorAll('.card')]
const words = { in: 'Signed in', out: 'Signed out', stopped: 'Stopped' }

function show(card, state) {
  if (card.dataset.state === state) return
  card.dataset.state = state
  card.querySelector('.words').textContent = words[state]
  const signedInCount = cards.filter(({ dataset }) => dataset.state === 'in').length
  document.getElementById('sum').textContent =
    `Signed in at ${signedInCount} of ${cards.length} applications.`
}

async function ask(card) {
  try {
    const answer = await fetch(`${card.dataset.url}/state`, { credentials: 'include', cache: 'no-store' })
    const { signedIn } = await answer.json()
    show(card, signedIn ? 'in' : 'out')
  } catch {
    show(card, 'stopped')
  }
}

async function askAll() {
  const answer = await fetch('/running', { cache: 'no-store' }).catch(() => undefined)
  const running = answer ? await answer.json() : {}
  await Promise.all(cards.map((card) => (running[card.dataset.name] ? ask(card) : show(card, 'stopped'))))
}

for (const card of cards) {
  if (card.dataset.live !== 'true') continue
  const live = new EventSource(`${card.dataset.url}/live`, { withCredentials: true })
  live.onmessage = () => void ask(card)
}

for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    form.querySelector('button').disabled = true
    void fetch(form.action, { method: 'POST' })
      .then(askAll)
      .finally(() => {
        form.querySelector('button').disabled = false
      })
  })
}

setInterval(() => void askAll(), askEveryMs)
document.addEventListener('visibilitychange', () => void askAll())
void askAll()
