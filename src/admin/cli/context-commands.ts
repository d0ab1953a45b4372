import type { Command } from 'commander'
import { MqError } from '../../base/errors.ts'
import { table } from '../verb.ts'
import { readContexts, writeContexts } from './contexts.ts'
import type { CliEnvironment } from './environment.ts'
import { printOutput } from './output.ts'

/** Adds `ternmq context`. */
export function addContexts(program: Command, environment: CliEnvironment): void {
  const command = program
    .command('context')
    .description('clusters by name, so that commands need not say where they go')
  command
    .command('list')
    .description('all contexts')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }) => {
      const { current, namesrvByName } = readContexts(environment)
      const rows = [...namesrvByName].map(([name, namesrv]) => ({ name, namesrv, current: name === current }))
      printOutput(table(rows, ['name', 'namesrv', 'current']), { isJson: json === true, environment })
    })
  command
    .command('add <name> <namesrv>')
    .description('add a context, or change it')
    .action((name: string, namesrv: string) => {
      const { current, namesrvByName } = readContexts(environment)
      writeContexts(environment, {
        current: current ?? name,
        namesrvByName: new Map([...namesrvByName, [name, namesrv]]),
      })
      const isCurrent = (current ?? name) === name
      environment.write(`context ${name} is ${namesrv}${isCurrent ? ', and commands go there' : ''}\n`)
    })
  command
    .command('use <name>')
    .description('make a context the current one')
    .action((name: string) => {
      const { namesrvByName } = readContexts(environment)
      mustBeThere(name, namesrvByName)
      writeContexts(environment, { current: name, namesrvByName })
      environment.write(`commands go to ${name}, ${namesrvByName.get(name)}\n`)
    })
  command
    .command('remove <name>')
    .description('forget a context')
    .action((name: string) => {
      const { current, namesrvByName } = readContexts(environment)
      mustBeThere(name, namesrvByName)
      const left = new Map([...namesrvByName].filter(([each]) => each !== name))
      writeContexts(environment, { current: current === name ? undefined : current, namesrvByName: left })
      environment.write(`context ${name} is forgotten\n`)
    })
}

/** @throws MqError notFound that names those that are there */
function mustBeThere(name: string, contexts: ReadonlyMap<string, string>): void {
  if (contexts.has(name)) return
  const known = [...contexts.keys()].join(', ') || 'none'
  throw new MqError('notFound', `there is no context ${name} (ternmq context add makes it); known: ${known}`)
}
