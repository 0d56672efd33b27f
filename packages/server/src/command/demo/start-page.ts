/** The demo's start page, complete as the server writes it; `start-page.js` keeps it true. */
import type { DemoApplication } from './demo-applications.ts'
import type { DemoPlan } from './plan-demo.ts'

export function startPage(plan: DemoPlan, applications: readonly DemoApplication[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Curfew demo</title>
<link rel="stylesheet" href="/start-page.css">
<script src="/start-page.js" defer></script>
</head>
<body>
<header>
<h1>Sign in once. Sign out once.</h1>
<p>${number(applications.length)} small applications, built with other people’s libraries, share one sign-in. Sign in as <code>alice</code> with the password <code>alice</code>, sign out of one, and watch the others.</p>
<noscript><p>Without script the cards do not follow by themselves.</p></noscript>
</header>
<main>
<ul class="applications">
${applications.map(card).join('\n')}
</ul>
<p class="sum" id="sum" role="status">&nbsp;</p>
<ol class="steps">
<li><strong>Sign in at one.</strong> The browser goes to the server for it, and comes back.</li>
<li><strong>Open the others.</strong> They know you already.</li>
<li><strong>Sign out at one.</strong> The page that you land on says of each application whether it was told, and the cards above follow.</li>
<li><strong>Stop one first</strong>, then sign out. Its sign-out waits, and arrives when you start it again. Each application can also be broken from its own page.</li>
</ol>
</main>
<footer>
<p>Server <a class="address" href="${plan.issuer}/.well-known/openid-configuration">${plan.issuer}</a></p>
</footer>
</body>
</html>
`
}

function number(count: number): string {
  return ['No', 'One', 'Two', 'Three', 'Four'][count] ?? String(count)
}

function card({ name, title, madeOf, url, canBeTold, process }: DemoApplication): string {
  const state = process.isRunning ? 'unknown' : 'stopped'
  const note = canBeTold
    ? ''
    : '<p class="note">Its package cannot be told of a sign-out. One that begins here reaches all others.</p>'
  return `<li class="card ${name}" data-name="${name}" data-url="${url}" data-state="${state}" data-live="${canBeTold}">
<div class="title"><span class="mark" aria-hidden="true">${title.slice(0, 1)}</span><h2>${title}</h2></div>
<p class="made">${madeOf}</p>
<p class="state"><span class="sign" aria-hidden="true"></span><span class="words">${state === 'stopped' ? 'Stopped' : '…'}</span></p>
${note}<div class="actions">
<a href="${url}/" target="_blank" rel="noopener">Open<span class="hidden"> ${title} in a new tab</span></a>
<form class="when-running" method="post" action="/applications/${name}/stop"><button>Stop<span class="hidden"> ${title}</span></button></form>
<form class="when-stopped" method="post" action="/applications/${name}/start"><button>Start<span class="hidden"> ${title}</span></button></form>
</div>
</li>`
}
