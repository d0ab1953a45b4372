import { join } from 'node:path'
import { projectDir } from '../measure/paths.ts'
import { freePorts } from '../peer/ports.ts'
import { type ServerCommand, ServerProcesses } from '../peer/server-processes.ts'

/** The echo server of echo-server.ts in a process of its own. */
export interface Echo {
  readonly processes: ServerProcesses
  readonly command: ServerCommand
}

/**
 * @param storeParent where its logs go
 * @param stores whether it writes what it gets to a file before it sends it back
 */
export async function startEcho(storeParent: string, stores = false): Promise<Echo> {
  const processes = new ServerProcesses(storeParent, 'echo')
  const { listenPort: port } = await freePorts()
  const argv = [process.execPath, join(projectDir, 'dist/bench/raw/echo-server.js'), String(port)]
  if (stores) argv.push(join(processes.dir, 'stored'))
  const command = { name: 'echo', argv, port }
  processes.start(command)
  await processes.awaitPort(command, 10_000)
  return { processes, command }
}
