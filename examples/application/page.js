/** Keeps the page true: asks `/state` when told to look again, when it is shown again, and every few seconds. */
const root = document.documentElement
const askEveryMs = Number(root.dataset.askEveryMs ?? 5000)

function look() {
  void ask()
}

async function ask() {
  const answer = await fetch('/state', { cache: 'no-store' }).catch(() => undefined)
  if (!answer?.ok) return
  const { signedIn, name } = await answer.json()
  const wasSignedIn = root.dataset.signedIn === 'true'
  if (signedIn === wasSignedIn) return
  root.dataset.signedIn = String(signedIn)
  document.getElementById('name').textContent = name
  document.getElementById('note').hidden = signedIn
}

if (root.dataset.live !== 'no') new EventSource('/live').onmessage = look
setInterval(look, askEveryMs)
document.addEventListener('visibilitychange', look)
addEventListener('pageshow', look)
