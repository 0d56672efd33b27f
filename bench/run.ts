/**
 * `npm run bench -- load|fan-out|stored|start|delivery [options]`: each bench's file says what it measures and takes.
 */
const names = ['load', 'fan-out', 'stored', 'start', 'delivery'] as const

const [, , wanted] = process.argv
const name = names.find((one) => one === wanted)
if (name) {
  process.argv.splice(2, 1)
  await import(`./${name}.ts`)
} else {
  console.error(`Which bench? npm run bench -- ${names.join('|')}`)
  process.exitCode = 2
}
