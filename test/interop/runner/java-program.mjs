import { join } from 'node:path'
import { jarsOf } from './places.mjs'

/**
 * How a Java program of ours is started; clients find the target by NAMESRV_ADDR alone.
 * @param program undefined: whoever starts it adds what it is to do
 */
export function javaProgram({
  module,
  serialization,
  program,
  dir,
  target,
  traits = target.traits,
  properties = [],
  checks = [],
}) {
  return {
    command: 'java',
    args: [
      ...['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx768m'],
      ...[`-Duser.home=${dir}`, `-Drocketmq.client.localOffsetStoreDir=${join(dir, 'offsets')}`],
      ...[
        `-Drocketmq.serialize.type=${serialization}`,
        `-Dinterop.broker=${target.broker}`,
        ...propertiesOf(traits),
        ...properties,
      ],
      ...['-cp', jarsOf(module), 'interop.Main', ...(program ? [program] : []), ...checks],
    ],
    env: { NAMESRV_ADDR: target.namesrv },
    cwd: dir,
  }
}

/** What tells a Java program to sign its requests. */
export function signedBy({ accessKey, secretKey }) {
  return propertiesOf({ accessKey, secretKey })
}

function propertiesOf(traits) {
  return Object.entries(traits).map(([name, value]) => `-Dinterop.${name}=${value}`)
}
