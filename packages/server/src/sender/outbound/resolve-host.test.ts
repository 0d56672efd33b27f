import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemTimer } from '../../ambient/timer.ts'
import { createHostResolver, type Resolve } from './resolve-host.ts'

const timer = { after: (delayMs: number, run: () => void) => systemTimer.after(delayMs / 10, run) }
const never: Resolve = () => new Promise(() => undefined)

describe('resolving a host', () => {
  test('questions for one name at the same time share one answer, and nothing is kept afterwards', async () => {
    let count = 0
    const resolve: Resolve = async () => {
      count += 1
      return [`127.0.0.${count}`]
    }
    const ask = createHostResolver({ timer, resolve, secondOpinion: undefined })
    assert.deepEqual(await Promise.all([ask('a'), ask('a')]), [['127.0.0.1'], ['127.0.0.1']])
    assert.deepEqual(await ask('a'), ['127.0.0.2'])
  })

  test('F-02: a slow system resolver does not hold up a name that DNS answers', async () => {
    const ask = createHostResolver({ timer, resolve: never, secondOpinion: async () => ['127.0.0.5'] })
    assert.deepEqual(await ask('a'), ['127.0.0.5'])
  })

  test('a name that only the system knows is not denied by DNS', async () => {
    const resolve: Resolve = () => new Promise((found) => systemTimer.after(60, () => found(['127.0.0.6'])))
    const secondOpinion: Resolve = () => Promise.reject(new Error('NXDOMAIN'))
    assert.deepEqual(await createHostResolver({ timer, resolve, secondOpinion })('a'), ['127.0.0.6'])
  })

  test('when nobody answers in 3 s the reason is dns.temporary', async () => {
    const ask = createHostResolver({ timer, resolve: never, secondOpinion: never })
    await assert.rejects(ask('a'), { reason: 'dns.temporary' })
  })
})
