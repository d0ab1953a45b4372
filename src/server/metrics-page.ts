import type { Broker } from '../broker/broker.ts'
import { brokerMetrics, Scrape } from './broker-metrics.ts'

/** Most values of one metric: names are made by clients, and a page of millions helps nobody. */
const SAMPLES_MAX = 20_000

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
