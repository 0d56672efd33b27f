import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { prettyLog } from './log.ts'

function lineOf(fields: Readonly<Record<string, unknown>>, message?: string): string {
  const lines: string[] = []
  prettyLog('info', (line) => void lines.push(line)).write('warn', 'some.event', fields, message)
  return lines.join('')
}

describe('the readable log', () => {
  test('is one line, whatever a value holds, and nothing in it moves the cursor (ASVS 16.4.1)', () => {
    const line = lineOf({ application: 'wiki\nerror  a line of my own\r\u001b[2K\u009b1A\u202e', count: 2 })
    assert.equal(
      line,
      'warn  some.event application=wiki\\nerror  a line of my own\\u000d\\u001b[2K\\u009b1A\\u202e count=2\n',
    )
    assert.equal(lineOf({}, 'type=LOGIN\ntype=LOGOUT'), 'warn  type=LOGIN\\ntype=LOGOUT\n')
  })

  test('keeps the lines of a stack', () => {
    const stack = 'Error: broken\n    at here (file.ts:1:1)\n    at there (file.ts:2:2)'
    assert.equal(lineOf({ stack }), `warn  some.event stack=${stack}\n`)
  })
})
