import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createAgenda } from './agenda.ts'

describe('the agenda', () => {
  test('gives the endpoints that are due, the longest waiting first, each once', () => {
    const agenda = createAgenda()
    agenda.plan('b', 20)
    agenda.plan('a', 10)
    agenda.plan('c', 30)
    agenda.plan('b', 5)
    assert.equal(agenda.nextAt(), 5)
    assert.deepEqual(agenda.take(10, 20), ['b', 'a'])
    assert.deepEqual(agenda.take(10, 20), [])
    assert.equal(agenda.nextAt(), 30)
  })

  test('keeps the earlier of two times', () => {
    const agenda = createAgenda()
    agenda.plan('a', 10)
    agenda.plan('a', 50)
    assert.equal(agenda.nextAt(), 10)
    assert.equal(agenda.size, 1)
  })

  test('agrees with a plain list, whatever is planned and taken', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ plan: fc.integer({ min: 0, max: 30 }), at: fc.nat(100) }),
        fc.record({ take: fc.nat(5), at: fc.nat(100) }),
      ),
      { maxLength: 300 },
    )
    fc.assert(
      fc.property(steps, (list) => {
        const agenda = createAgenda()
        const model = new Map<string, number>()
        for (const step of list) {
          if ('plan' in step) {
            const id = `e${step.plan}`
            agenda.plan(id, step.at)
            model.set(id, Math.min(model.get(id) ?? Infinity, step.at))
          } else {
            const taken = agenda.take(step.take, step.at)
            const due = [...model].filter(([, when]) => when <= step.at).map(([, when]) => when)
            assert.deepEqual(
              taken.map((id) => model.get(id)),
              due.sort((a, b) => a - b).slice(0, step.take),
            )
            for (const id of taken) model.delete(id)
          }
          assert.equal(agenda.size, model.size)
          assert.equal(agenda.nextAt(), model.size === 0 ? undefined : Math.min(...model.values()))
        }
      }),
    )
  })
})
