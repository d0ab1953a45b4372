import { join } from 'node:path'
import { jarsOf } from './places.mjs'

/** How a Java program of ours is started; clients find the target by NAMESRV_ADDR alone. */
export function javaProgram({ module, serialization, program, dir, target, checks = [] }) {
  return {
    command: 'java',
    args: [
      ...['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx768m'],
      ...[`-Duser.home=${dir}`, `-Drocketmq.client.localOffsetStoreDir=${join(dir, 'offsets')}`],
      ...[
        `-Drocketmq.serialize.type=${serialization}`,
        `-Dinterop.broker=${target.broker}`,
        ...traitsOf(target),
      ],
      ...['-cp', jarsOf(module), 'interop.Main', program, ...checks],
    ],
    env: { NAMESRV_ADDR: target.namesrv },
    cwd: dir,
  }
}

function traitsOf(target) {
  return Object.entries(target.traits).map(([name, value]) => `-Dinterop.${name}=${value}`)
}
