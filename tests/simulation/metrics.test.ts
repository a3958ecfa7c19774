import { expect, it } from 'vitest';
import { resources, type CronJob, type Job } from '../../src/api/index.ts';
import { aJob, startTestEngine } from '../../src/testing/index.ts';

it('the engine counts what monitoring asks for, under upstream’s names', async () => {
  const engine = await startTestEngine();
  await engine.client.create<Job>(resources.jobs, aJob('good'));
  const failing = aJob('bad', { spec: { backoffLimit: 0 } });
  const template = { metadata: { annotations: { 'rondo.dev/simulate-exit-code': '3' } } };
  await engine.client.create<Job>(resources.jobs, {
    ...failing,
    spec: { ...failing.spec, template: { ...failing.spec.template, ...template } },
  } as typeof failing);
  await engine.client.create<CronJob>(resources.cronJobs, {
    metadata: { name: 'c', namespace: 'default' },
    spec: { schedule: '* * * * *', jobTemplate: { spec: aJob('x').spec } },
  });
  await engine.clock.advance(90_000);
  const text = engine.apiServer.metrics.render();
  const expected = [
    'job_controller_jobs_finished_total{completion_mode="NonIndexed",result="succeeded",reason="CompletionsReached"} 2',
    'job_controller_jobs_finished_total{completion_mode="NonIndexed",result="failed",reason="BackoffLimitExceeded"} 1',
    'job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="succeeded"} 2',
    'job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="failed"} 1',
    'cronjob_controller_job_creation_skew_duration_seconds_count 1',
    'workqueue_depth{name="job-controller"} 0',
    'etcd_request_duration_seconds_count{operation="create",type="cronjobs"} 1',
  ];
  for (const line of expected) expect(text.split('\n')).toContain(line);
  for (const name of [
    'workqueue_adds_total{name="cronjob-controller"}',
    'workqueue_work_duration_seconds_count{name="job-controller"}',
    'job_controller_job_syncs_total{completion_mode="NonIndexed",result="success",action="pods_created"}',
    'process_resident_memory_bytes',
  ])
    expect(text).toContain(`\n${name} `);
  // Every line is a comment or `name{labels} number`, each name is declared once.
  for (const line of text.trimEnd().split('\n'))
    expect(line).toMatch(/^(# (HELP|TYPE) \S+ .+|[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? -?[0-9.e+-]+)$/);
  const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(new Set(types).size).toBe(types.length);
  await engine.stop();
});
