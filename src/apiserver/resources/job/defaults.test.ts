import { describe, expect, it } from 'vitest';
import type { Job } from '../../../api/index.ts';
import { job } from '../job.ts';
import { created, withValues } from '../rule-cases.fixture.ts';
import { indexedJob as indexed, sampleJob as draft } from './sample.fixture.ts';

describe('defaults of a Job', () => {
  it('are those of the golden object, with generated labels and selector', () => {
    expect(created(job, draft)).toEqual({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        ...draft.metadata,
        labels: {
          'controller-uid': 'u-1',
          'job-name': 'count',
          'batch.kubernetes.io/controller-uid': 'u-1',
          'batch.kubernetes.io/job-name': 'count',
        },
      },
      spec: {
        parallelism: 1,
        completions: 1,
        backoffLimit: 6,
        completionMode: 'NonIndexed',
        suspend: false,
        manualSelector: false,
        podReplacementPolicy: 'TerminatingOrFailed',
        selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u-1' } },
        template: {
          metadata: {
            labels: {
              'controller-uid': 'u-1',
              'job-name': 'count',
              'batch.kubernetes.io/controller-uid': 'u-1',
              'batch.kubernetes.io/job-name': 'count',
            },
          },
          spec: {
            restartPolicy: 'Never',
            terminationGracePeriodSeconds: 30,
            dnsPolicy: 'ClusterFirst',
            schedulerName: 'default-scheduler',
            securityContext: {},
            containers: [
              {
                name: 'main',
                image: 'busybox:1.36',
                imagePullPolicy: 'IfNotPresent',
                terminationMessagePath: '/dev/termination-log',
                terminationMessagePolicy: 'File',
                resources: {},
              },
            ],
          },
        },
      },
      status: {},
    });
  });

  it('leave completions alone when only parallelism is given: a work queue', () => {
    expect(created(job, withValues(draft, { 'spec.parallelism': 3 })).spec).not.toHaveProperty('completions');
  });

  it('lift the global back-off limit when there is one per index', () => {
    expect(created(job, withValues(indexed, { 'spec.backoffLimitPerIndex': 1 })).spec.backoffLimit).toBe(2147483647);
  });

  it('replace pods only when they failed if there is a pod failure policy, whose conditions default to True', () => {
    const rules = [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }];
    const { spec } = created(job, withValues(draft, { 'spec.podFailurePolicy': { rules } }));
    expect(spec.podReplacementPolicy).toBe('Failed');
    expect(spec.podFailurePolicy?.rules[0]?.onPodConditions).toEqual([{ type: 'DisruptionTarget', status: 'True' }]);
  });

  it('do not touch frozen parts of the draft', () => {
    const template = Object.freeze({
      spec: Object.freeze({ containers: Object.freeze([Object.freeze({ name: 'a' })]) }),
    });
    const object: Job = { ...draft, spec: { template } };
    expect(() => job.setDefaults?.(object)).not.toThrow();
    expect(template.spec.containers[0]).toEqual({ name: 'a' });
  });

  it('drop a given status and keep labels that the user gave', () => {
    const object = created(job, withValues(draft, { 'metadata.labels': { a: 'b' }, 'status.succeeded': 3 }));
    expect(object.status).toEqual({});
    expect(object.metadata.labels).toEqual({ a: 'b' });
  });
});
