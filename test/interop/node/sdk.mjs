// The client of this project, `ternmq/client`, as a program under the runner: what it does with TernMQ it is to do with
// the real RocketMQ too.
import { runChecks } from './checks.mjs'
import { consuming } from './sdk-consuming.mjs'
import { client } from './sdk-context.mjs'
import { losing } from './sdk-losing.mjs'
import { sending } from './sdk-sending.mjs'
import { watching } from './sdk-watching.mjs'

// those that stop and kill the broker come last
await runChecks({ ...sending, ...consuming, ...watching, ...losing }, process.argv.slice(3))
await client.close({ drainMs: 1000 })
process.exit(0)
