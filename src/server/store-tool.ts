import type { StoreTool } from '../admin/store-tool.ts'
import { MqError } from '../base/errors.ts'
import type { Disk, Host } from '../base/host.ts'
import { Turn } from '../base/turn.ts'
import { decodeMessage } from '../protocol/message-codec.ts'
import { MessageStore } from '../store/message-store.ts'
import { StoreInspector } from '../store/store-inspector.ts'
import { storeSettingsOf } from './broker-config.ts'
import { readConfig } from './config.ts'

/** What can be done with the directory of a broker that is stopped. */
export function storeTool(host: Host): StoreTool {
  const { disk } = host
  const inspectorOf = (dir: string): StoreInspector => {
    if (disk.statSync(`${dir}/commitlog`)?.isDirectory) return new StoreInspector(disk, dir)
    const what = 'the folder that storePathRootDir of its broker names'
    throw new MqError('storeUnreadable', `${dir} is no store: it has no folder commitlog; say ${what}`)
  }
  return {
    check: (dir) => inspectorOf(dir).inspect(),
    dump: (dir, from, visit) =>
      inspectorOf(dir).visit(from, ({ buffer, at }) => visit(decodeMessage(buffer, at))),
    rebuild: async (dir) => {
      const inspector = inspectorOf(dir)
      const { records, logFileBytes, queueFileBytes } = inspector.inspect()
      for (const name of ['consumequeue', 'index']) deleteBelow(disk, `${dir}/${name}`)
      const flags = {
        storePathRootDir: dir,
        mappedFileSizeCommitLog: String(logFileBytes),
        ...(queueFileBytes > 0 && { mappedFileSizeConsumeQueue: String(queueFileBytes) }),
      }
      const paths = { file: '', 'run time': '' }
      const { config } = readConfig({ paths, flags, environment: {}, runTime: {}, file: {} }, host.log)
      const settings = storeSettingsOf(config, { memoryBytes: host.memoryBytes, processId: 0 })
      const store = new MessageStore(host, new Turn(host.clock), settings)
      store.open()
      await store.close()
      return records
    },
  }
}

function deleteBelow(disk: Disk, dir: string): void {
  for (const name of disk.listSync(dir)) {
    const path = `${dir}/${name}`
    if (!disk.statSync(path)?.isDirectory) disk.unlinkSync(path)
    else {
      deleteBelow(disk, path)
      disk.rmdirSync(path)
    }
  }
}
