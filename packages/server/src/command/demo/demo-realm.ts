/** The demo's realm: packages/server/demo/demo-realm.json, with the addresses that the applications have this time. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type ApplicationName, applicationNames, type DemoPlan } from './plan-demo.ts'

const realmFile = new URL('../../../demo/demo-realm.json', import.meta.url)
const ordinaryPorts: Readonly<Record<ApplicationName, number>> = {
  wiki: 8081,
  chat: 8082,
  files: 8083,
  portal: 8084,
}

/** @returns the path of the file to import */
export function writeDemoRealm(plan: DemoPlan): string {
  const target = path.join(plan.folder, 'demo-realm.json')
  const text = readFileSync(realmFile, 'utf8').replace(
    /http:\/\/localhost:(\d+)/g,
    (address, port: string) => {
      const name = applicationNames.find((one) => ordinaryPorts[one] === Number(port))
      return name ? `http://localhost:${plan.applicationPorts[name]}` : address
    },
  )
  writeFileSync(target, text)
  return target
}

/** The secret of one application, as the realm has it. */
export function demoClientSecret(name: ApplicationName): string {
  const { clients } = JSON.parse(readFileSync(realmFile, 'utf8')) as {
    clients: { clientId: string; secret: string }[]
  }
  const client = clients.find(({ clientId }) => clientId === name)
  if (!client) throw new TypeError(`the demo's realm has no client ${name}`)
  return client.secret
}
