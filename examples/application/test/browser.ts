/** A browser's cookies and redirects, without the browser. */

export interface Visit {
  readonly status: number
  /** The last address. */
  readonly url: string
  /** Every address on the way, in order. */
  readonly visited: readonly string[]
  readonly text: string
}

export interface Browser {
  /** Follows redirects until a page. */
  open(address: string, init?: RequestInit): Promise<Visit>
  json(address: string): Promise<unknown>
}

const redirectCountMax = 20

export function createBrowser(): Browser {
  /** Cookies belong to a host, not to a port (RFC 6265 §8.5). */
  const cookies = new Map<string, string>()

  const once = async (address: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    const answer = await fetch(address, { ...init, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      const isGone = /expires=Thu, 01 Jan 1970|max-age=0/i.test(line)
      if (isGone) cookies.delete(name)
      else cookies.set(name, pair.slice(name.length + 1))
    }
    return answer
  }

  const open: Browser['open'] = async (address, init = {}) => {
    let url = address
    const visited = [address]
    let answer = await once(url, init)
    for (let count = 0; answer.headers.has('location'); count++) {
      if (count >= redirectCountMax) throw new Error(`too many redirects, last ${url}`)
      url = new URL(answer.headers.get('location') ?? '', url).href
      visited.push(url)
      await answer.body?.cancel()
      answer = await once(url, {})
    }
    return { status: answer.status, url, visited, text: await answer.text() }
  }

  return { open, json: async (address) => JSON.parse((await open(address)).text) as unknown }
}
