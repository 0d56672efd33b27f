/** A person or an operator looks at a sign-out while it runs, and what they see is held against the rows (I9). */
import { displayState, summarize } from '../../src/delivery/display-state.ts'
import { readSignOut, type SignOutView } from '../../src/delivery/read-sign-out.ts'
import { request } from './request.ts'
import { ensure } from './violation.ts'
import { committedRows, type World } from './world.ts'

export function look(world: World): void {
  const ids = [...committedRows(world, 'sign_out').keys()]
  if (ids.length === 0) return
  const id = world.random.pick(ids)
  request(world, async (process) => {
    const read = await readSignOut(process.stores.view.read, id)
    if (!read) return
    const view = world.planted?.view ? world.planted.view(read, world) : read
    checkView(world, view, process.ambient.clock.now())
  })
}

export function checkView(world: World, view: SignOutView, at: number): void {
  for (const application of view.applications) {
    for (const delivery of application.deliveries) {
      if (delivery.state !== 'accepted') continue
      const row = committedRows(world, 'delivery').get(delivery.id)
      ensure(
        row?.['state'] === 'accepted',
        'I9',
        () => `${delivery.id} is shown as accepted and is ${row?.['state']}`,
      )
    }
  }
  ensure(
    view.scope !== 'session' || view.applications.length >= view.applicationCount,
    'I9',
    () => `${view.id} shows ${view.applications.length} of ${view.applicationCount} applications`,
  )
  const summary = summarize(view.applications.map((application) => displayState(application, at)))
  if (summary.total === 0 || summary.done < summary.total) return
  for (const application of view.applications) {
    const hasEnded = application.expiresAt !== undefined && application.expiresAt <= at
    const isTold = application.deliveries.some(({ id }) => isPlainlyAccepted(world, id))
    ensure(
      isTold || hasEnded,
      'I9',
      () => `${view.id} says "signed out everywhere" and ${application.clientId} is not`,
    )
  }
}

function isPlainlyAccepted(world: World, deliveryId: string): boolean {
  const row = committedRows(world, 'delivery').get(deliveryId)
  return row?.['state'] === 'accepted' && row['detail'] !== 'stored' && row['detail'] !== 'partial'
}
