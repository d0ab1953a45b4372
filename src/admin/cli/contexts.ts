import { parse, stringify } from 'yaml'
import { MqError } from '../../base/errors.ts'
import type { CliEnvironment } from './environment.ts'

/** Clusters by name, so that a command need not say where it goes. Kept in `contexts.yaml` of the configuration folder. */
export interface Contexts {
  readonly current: string | undefined
  readonly namesrvByName: ReadonlyMap<string, string>
}

/** Where commands go when nothing says otherwise: what `ternmq start` opens. */
export const NAMESRV_DEFAULT = '127.0.0.1:9876'

/** @throws MqError invalidParameter when the file is not what we wrote */
export function readContexts(environment: CliEnvironment): Contexts {
  const content = environment.readFileIfThere(pathOf(environment))
  if (!content) return { current: undefined, namesrvByName: new Map() }
  const value: unknown = parse(content.toString())
  if (typeof value !== 'object' || value === null) throw unreadable(environment)
  const { current, contexts } = value as { current?: unknown; contexts?: unknown }
  if (typeof contexts !== 'object' || contexts === null) throw unreadable(environment)
  const namesrvByName = new Map(Object.entries(contexts).map(([name, at]) => [name, String(at)]))
  return { current: typeof current === 'string' ? current : undefined, namesrvByName }
}

export function writeContexts(environment: CliEnvironment, { current, namesrvByName }: Contexts): void {
  const value = { ...(current !== undefined && { current }), contexts: Object.fromEntries(namesrvByName) }
  environment.writeFile(pathOf(environment), stringify(value))
}

/**
 * Where a command goes: by its flag, the context it names, `NAMESRV_ADDR`, the current context, this machine.
 * @throws MqError notFound for a context that is not there
 */
export function namesrvOf(
  environment: CliEnvironment,
  { namesrv, context }: { namesrv: string | undefined; context: string | undefined },
): string {
  if (namesrv !== undefined) return namesrv
  const { current, namesrvByName } = readContexts(environment)
  const { NAMESRV_ADDR } = environment.variables
  if (context === undefined && NAMESRV_ADDR) return NAMESRV_ADDR
  const name = context ?? current
  if (name === undefined) return NAMESRV_DEFAULT
  const known = namesrvByName.get(name)
  if (known !== undefined) return known
  const names = [...namesrvByName.keys()].join(', ')
  throw new MqError('notFound', `there is no context ${name} (ternmq context add); known: ${names || 'none'}`)
}

function pathOf({ configDir }: CliEnvironment): string {
  return `${configDir}/contexts.yaml`
}

function unreadable(environment: CliEnvironment): MqError {
  return new MqError(
    'invalidParameter',
    `${pathOf(environment)} is not a file of contexts: delete or mend it`,
  )
}
