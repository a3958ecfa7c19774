import { describe, expect, it } from 'vitest';
import { createMetrics } from './index.ts';

describe('metrics', () => {
  it('are written as Prometheus reads them, in the order of their names', () => {
    const metrics = createMetrics();
    const requests = metrics.counter({ name: 'requests_total', help: 'All of them.', labels: ['verb', 'code'] });
    requests.add(1, 'get', '200');
    requests.add(2, 'get', '200');
    requests.add(1, 'say "hi"\n', '500');
    metrics.gauge({ name: 'depth', help: 'How many wait.' }, () => 7);
    const seconds = metrics.histogram({ name: 'seconds', help: 'How long.', labels: ['of'], buckets: [0.1, 1] });
    for (const value of [0.05, 0.1, 0.5, 3]) seconds.observe(value, 'x');
    expect(metrics.render()).toBe(`# HELP depth How many wait.
# TYPE depth gauge
depth 7
# HELP requests_total All of them.
# TYPE requests_total counter
requests_total{verb="get",code="200"} 3
requests_total{verb="say \\"hi\\"\\n",code="500"} 1
# HELP seconds How long.
# TYPE seconds histogram
seconds_bucket{of="x",le="0.1"} 2
seconds_bucket{of="x",le="1"} 3
seconds_bucket{of="x",le="+Inf"} 4
seconds_sum{of="x"} 3.65
seconds_count{of="x"} 4
`);
  });

  it('of one name are one, and add up what is read for the same labels', () => {
    const metrics = createMetrics();
    metrics.counter({ name: 'a', help: 'a' }).add(1);
    metrics.counter({ name: 'a', help: 'a' }).add(1);
    const depth = { name: 'depth', help: 'd', labels: ['name'] };
    metrics.gauge(depth, () => 1, 'q');
    metrics.gauge(depth, () => 2, 'q');
    expect(metrics.render()).toContain('\na 2\n');
    expect(metrics.render()).toContain('\ndepth{name="q"} 3\n');
  });
});
