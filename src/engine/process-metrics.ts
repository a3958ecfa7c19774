import type { Metrics } from '../metrics/index.ts';

/** What every exporter says of its own process. */
export function addProcessMetrics(metrics: Metrics, startMs: number): void {
  metrics.gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory of the engine.' }, () =>
    process.memoryUsage.rss(),
  );
  metrics.total({ name: 'process_cpu_seconds_total', help: 'Processor time of the engine.' }, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge({ name: 'process_start_time_seconds', help: 'When the engine started.' }, () => startMs / 1000);
}
