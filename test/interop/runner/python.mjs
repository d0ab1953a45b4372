// RocketMQ's C++ client under Python. Only where it is asked for by name: it wants Python 3 with pip.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { interopDir } from './places.mjs'
import { runToEnd } from './processes.mjs'
import { runProgram } from './program.mjs'
import { withTarget } from './targets.mjs'

const PACKAGE = 'rocketmq==0.4.4'
const INSTALL_MS_MAX = 120_000
const SUITE_MS_MAX = 900_000

const pythonDir = join(interopDir, 'python')
const installedDir = join(pythonDir, 'target')

/** The suite of the C++ client, against a broker with these settings. */
export function pythonSuite({ settings }) {
  return async ({ name, dir, kind, lie, checks, report }) => {
    await install(dir)
    await withTarget({ kind, dir: join(dir, 'target'), settings, lie }, (target) =>
      runProgram({
        command: 'python3',
        args: [join(pythonDir, 'cpp.py'), ...checks],
        env: { NAMESRV_ADDR: target.namesrv, PYTHONPATH: installedDir, HOME: dir },
        cwd: dir,
        suite: name,
        logFile: join(dir, 'client.log'),
        limitMs: SUITE_MS_MAX,
        target,
        report,
      }),
    )
  }
}

async function install(dir) {
  if (await stat(join(installedDir, 'rocketmq')).catch(() => undefined)) return
  await runToEnd({
    name: 'pip install',
    command: 'python3',
    args: ['-m', 'pip', 'install', '--no-deps', '--target', installedDir, PACKAGE],
    cwd: dir,
    logFile: join(dir, 'pip.log'),
    limitMs: INSTALL_MS_MAX,
  })
}
