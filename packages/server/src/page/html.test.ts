import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type HtmlValue, html, localUrl, webUrl } from './html.ts'

const attack = `"><script>alert(1)</script><img src=x onerror='alert(2)'>\``

describe('html', () => {
  test('a value in text is escaped, whatever it holds', () => {
    assert.equal(
      html`<p>${attack}</p>`.markup,
      '<p>&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;alert(2)&#39;&gt;&#96;</p>',
    )
  })

  test('a value in a quoted attribute cannot leave it', () => {
    const markup = html`<input value="${attack}" name="${'a" autofocus onfocus="x'}">`.markup
    assert.equal(markup.match(/"/g)?.length, 4)
    assert.doesNotMatch(markup, /<script|<img/)
  })

  test('markup and lists of markup pass as they are; nothing is nothing', () => {
    const items = ['<a>', 'b'].map((item) => html`<li>${item}</li>`)
    const nothing: readonly HtmlValue[] = [undefined, null, false, '']
    assert.equal(html`<ul>${items}${nothing}${0}</ul>`.markup, '<ul><li>&lt;a&gt;</li><li>b</li>0</ul>')
  })

  test('a string is refused as an address, so javascript: cannot get in by forgetting something', () => {
    const address = 'javascript:alert(1)'
    assert.throws(() => html`<a href="${address}">x</a>`, /SafeUrl/)
    assert.throws(() => html`<form action="${address}"></form>`, /SafeUrl/)
    assert.throws(() => html`<button formaction="${address}"></button>`, /SafeUrl/)
    assert.throws(() => html`<a href="/x/${address}">x</a>`, /SafeUrl/)
    assert.equal(html`<a href="${localUrl('/a?b=1&c=2')}">x</a>`.markup, '<a href="/a?b=1&amp;c=2">x</a>')
  })

  test('places where no escaping is right are refused', () => {
    assert.throws(() => html`<p ${'hidden'}>x</p>`, /inside a tag/)
    assert.throws(() => html`<p${' hidden'}>x</p>`, /inside a tag/)
    assert.throws(() => html`<${'p'}>x</p>`, /inside a tag/)
    assert.throws(() => html`<p class=${'a'}>x</p>`, /inside a tag/)
    assert.throws(() => html`<p class='${'a'}'>x</p>`, /inside a tag/)
    assert.throws(() => html`<p onclick="${'a'}">x</p>`, /onclick/)
    assert.throws(() => html`<p style="${'a'}">x</p>`, /style/)
    assert.throws(() => html`<script>${'a'}</script>`, /script/)
    assert.throws(() => html`<style>a{}${'a'}</style>`, /style/)
    assert.throws(() => html`<p title="${html`<b>`}">x</p>`, /attribute/)
  })

  test('whole attributes come from another template, under the same rules', () => {
    assert.equal(
      html`<input name="a"${html` value="${'"'}"`}${false}>`.markup,
      '<input name="a" value="&quot;">',
    )
    assert.throws(() => html`<a${html` href="${'javascript:x'}"`}>x</a>`, /SafeUrl/)
    assert.throws(() => html` onclick="${'x'}"`, /onclick/)
  })

  test('after a script element text is text again, and a > inside an attribute does not end the tag', () => {
    assert.equal(
      html`<script src="/a.js"></script><p>${'<'}</p>`.markup,
      '<script src="/a.js"></script><p>&lt;</p>',
    )
    assert.equal(html`<p title="a > b" class="${'c'}">d</p>`.markup, '<p title="a > b" class="c">d</p>')
  })

  test('a local address never names another server', () => {
    for (const path of [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example',
      'a',
      '',
      '/a b',
      '/\t/evil',
      '/a\\b',
    ]) {
      assert.throws(() => localUrl(path), TypeError, path)
    }
  })

  test('an address of an application is http or https without user information, or no link at all', () => {
    assert.equal(webUrl('https://app.example/a?b=c')?.address, 'https://app.example/a?b=c')
    for (const address of [
      'javascript:alert(1)',
      'data:text/html,x',
      'https://a@evil.example/',
      '/relative',
      'myapp:/x',
      undefined,
    ]) {
      assert.equal(webUrl(address), undefined, String(address))
    }
  })
})
