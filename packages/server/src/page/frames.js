// Goes on when every hidden frame has loaded, at the latest after the time that the page says.

const frames = [...document.querySelectorAll('iframe')]
const seconds = Number(document.querySelector('main').dataset.framesWaitSeconds)
const next = document.getElementById('next').href
const loaded = (frame) => new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }))
const inTime = new Promise((resolve) => setTimeout(resolve, seconds * 1000))

await Promise.race([Promise.all(frames.map(loaded)), inTime])
location.replace(next)
