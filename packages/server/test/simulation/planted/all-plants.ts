/** Every planted bug by name. A simulator that does not find them proves nothing (delivery.md, S-02). */
import { orderPlants } from './order-plants.ts'
import type { Planted } from './planted.ts'
import { senderPlants } from './sender-plants.ts'
import { statementPlants } from './statement-plants.ts'

export const allPlants: readonly Planted[] = [...statementPlants, ...senderPlants, ...orderPlants]

export function plantNamed(name: string): Planted {
  const found = allPlants.find((planted) => planted.name === name)
  if (found) return found
  throw new RangeError(`${name} is none of: ${allPlants.map((planted) => planted.name).join(', ')}`)
}
