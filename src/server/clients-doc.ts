/** What is shown by which checks of Java, Go and others, as rows of a table: names as the interop run prints them, `*` where several begin alike. */
const features = `
| sends: sync, async, one-way, batch, selector, to a queue, topics made by them | send-* | send-* | ali-ons, cpp, sdk: send |
| sends that the client gathers (5.x) | send-auto-batch |  | sdk: send |
| bodies: sizes, zlib, LZ4, Zstandard, properties, unicode | body-*, properties, unicode | body-*, properties, unicode | ali-ons: send |
| push, tags, several groups, long polls | push-* | push-* | ali-ons, cpp: filters; sdk |
| where new groups start: first, last, time | push-from-where-young, strict-old-files-go | pull-from |  |
| broadcast, with progress in files | broadcast | broadcast | ali-ons, sdk: broadcast |
| pull and lite pull | pull*, lite-* | pull-* | cpp: pull; sdk: pulls |
| pop (5.x, \`setClientRebalance(false)\`) | pop-* |  | sdk: pop |
| rebalance, members killed | rebalance-* | rebalance-* | ali-ons, sdk: rebalance |
| order, locks, suspension | push-orderly, rebalance-orderly, restart-orderly, retry-orderly* | push-orderly, restart-orderly | ali-ons, cpp, sdk: ordered |
| delay levels; timers and their recall (5.x) | delay-*, timer-* | delay-* | ali-ons, cpp, sdk: delay |
| retry, dead letters, retries that the client sends itself | retry-* | retry-* | ali-ons, cpp, sdk: retry |
| transactions, checks, those that are given up | transaction-* | transaction-* | sdk: transaction |
| SQL92 | filter-* | filter-sql | ali-ons, sdk: filters |
| request and reply | request-* |  | sdk: request-reply* |
| messages by key and id, the trace topic | query-* |  |  |
| offsets reset under a consumer: by a push (220) and by its pulls; cloned; set | live-*, admin-set-offset |  | mqadmin |
| running info with stacks, consume directly | live-running-info, live-consume-directly |  | mqadmin |
| namespaces, units, the VIP port | client-* |  |  |
| signatures, ACL 2.0, ACL 1.0 | acl-*, policy-*, plain-* |  | ali-ons: every check; mqadmin-acl |
| TLS | tls4, tls5: six of these checks |  |  |
| restart and kill -9 | restart-*, kill-*, *-over-restart, *-over-kill | restart-*, kill-*, delay-over-kill | ali-ons: restart; sdk: kill-audit |
`
  .trim()
  .split('\n')

/** The section of docs/compatibility.md that says which clients are shown at work, and which could not be had. */
export const clientsDoc: readonly string[] = [
  '## Clients',
  '',
  'Each suite of the interop run drives a broker with a client as its registry has it; the same suites hold for RocketMQ 5.5.0',
  '(`--target rocketmq`).',
  '',
  '| language | package | suites |',
  '|---|---|---|',
  '| Java | `rocketmq-client` 4.9.8 and 5.5.0, JSON and binary headers | `java4-*`, `java5-*`, `features4`, `features5`, `strict`, `acl4`, `acl5`, `tls4`, `tls5`, `examples` |',
  '| Java | `rocketmq-tools` 5.5.0 (mqadmin) | `mqadmin`, `mqadmin-acl` |',
  '| Go | `rocketmq-client-go` 2.1.2 | `go`, `go-features` |',
  "| Node.js | `ali-ons` 3.12.0 (Alibaba's remoting client) | `ali-ons`, every request signed |",
  '| C++ under Python | `rocketmq` 0.4.4 from PyPI, which brings `librocketmq` 1.2 | `cpp`, only where it is named: it wants Python 3 |',
  '| Node.js | `ternmq/client` | `sdk`, `sdk-two` |',
  '',
  'Tried by hand: `rocketmq-client-rust` 1.0.0 (crates.io) sends, and its push consumers share queues and get what was sent; its 361 crates',
  'take too long to build for a suite.',
  '',
  'Of apache/rocketmq-e2e (7811611) the suites `java/e2e-v4` (`rocketmq-client` 4.9.3, 82 tests) and `java/e2e-spring` (`rocketmq-spring` 2.2.3, 11 tests) were run on 2026-11-27,',
  'a class at a time: `mvn test -Dtest=NAME -DnamesrvAddr=HOST:PORT` (Spring: `-Drocketmq.name-server`), `enablePropertyFilter` on, Lombok 1.18.34 in the POM for JDK 17.',
  'All passed but these: `testNullConsumption` failed in each of four tries beside other work, and passed alone, for a message that comes to a queue never written, between the answers that a new group gets to where it is and to where the',
  'queue ends, is not consumed (RocketMQ 5.5 gives the same answers, and passed alone); and an ordered queue waited 60 s for a lock that a client had left behind, which it no longer does.',
  '',
  'Tried and not to be had: `rocketmq-client-python` 2.0.0 (PyPI) and `apache-rocketmq` (npm) want a `librocketmq` that neither they nor Debian',
  'bring; `rocketmq` 2.0.1 (npm) is an old name of `ali-ons`; `rocketmq-client`, `rocketmqpy`, `dpyrocketmq` and',
  '`rocketmq-python-client` (PyPI) speak gRPC, `rocketmq-sdk` another protocol.',
  '',
  '| feature | Java 4.9.8 and 5.5.0 | Go | others |',
  '|---|---|---|---|',
  ...features,
  '',
]
