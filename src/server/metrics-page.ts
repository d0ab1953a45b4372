import type { Broker } from '../broker/broker.ts'
import { brokerMetrics, Scrape } from './broker-metrics.ts'
import { LoopWatch } from './loop-watch.ts'

/** Most values of one metric: names are made by clients, and a page of millions helps nobody. */
const SAMPLES_MAX = 20_000

/** Made when the page is read for the first time. */
let loopWatch: LoopWatch | undefined

/**
 * The page that Prometheus reads, as it is now. Nothing is loaded or counted for it before it is read.
 * @param broker undefined in a process that runs none
 */
export async function metricsPage(
  broker: Broker | undefined,
): Promise<{ contentType: string; text: string }> {
  const { Counter, Gauge, Registry } = await import('prom-client')
  const registry = new Registry()
  const registers = [registry]
  const { system, user } = process.cpuUsage()
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process that is in use',
    registers,
  }).set(process.memoryUsage.rss())
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process',
    registers,
  }).inc((system + user) / 1_000_000)
  loopWatch ??= new LoopWatch()
  const { gc, lag } = loopWatch.read()
  const lags = new Gauge({
    name: 'ternmq_event_loop_lag_seconds',
    help: 'How late the event loop was since the page was read last',
    labelNames: ['quantile'],
    registers,
  })
  for (const [quantile, value] of Object.entries({
    0.5: lag.p50,
    0.99: lag.p99,
    0.999: lag.p999,
    1: lag.max,
  }))
    lags.set({ quantile }, value)
  const pauses = { name: 'ternmq_gc_pauses_total', help: 'Pauses of the garbage collector', registers }
  new Counter(pauses).inc(gc.count)
  const pauseTime = { name: 'ternmq_gc_pause_seconds_total', help: 'Time of all these pauses', registers }
  new Counter(pauseTime).inc(gc.totalSeconds)
  const longest = {
    name: 'ternmq_gc_pause_max_seconds',
    help: 'The longest since the page was read last',
    registers,
  }
  new Gauge(longest).set(gc.maxSeconds)
  if (broker) {
    const { brokerClusterName, brokerName } = broker.settings
    registry.setDefaultLabels({ cluster: brokerClusterName, node_type: 'broker', node_id: brokerName })
    const scrape = new Scrape(broker)
    for (const { help, kind, labels, name, samples } of brokerMetrics) {
      const options = { name, help, labelNames: labels, registers }
      const metric = kind === 'counter' ? new Counter(options) : new Gauge(options)
      let count = 0
      for (const sample of await samples(scrape)) {
        if (++count > SAMPLES_MAX) break
        metric.inc(sample.labels, sample.value)
      }
    }
  }
  return { contentType: registry.contentType, text: await registry.metrics() }
}
