// Goes on when the page and its frames have loaded, at the latest after the time that the page says. Plain enough
// for old script engines, the scripted browsers of test suites among them.

const seconds = Number(document.querySelector('main').dataset.framesWaitSeconds)
const goOn = () => location.replace(document.getElementById('next').href)

if (document.readyState === 'complete') {
  goOn()
} else {
  addEventListener('load', goOn, { once: true })
  setTimeout(goOn, seconds * 1000)
}
