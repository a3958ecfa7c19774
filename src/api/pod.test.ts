import { describe, expect, it } from 'vitest';
import {
  controllerOf,
  controllerRef,
  findCondition,
  isConditionTrue,
  isPodFinished,
  isPodReady,
  jobFinishedCondition,
  podRequests,
  resources,
  type Container,
  type JobCondition,
  type ObjectMeta,
  type OwnerReference,
  type PodSpec,
  type PodStatus,
} from './index.ts';

const container = (cpu?: string, memory?: string, more?: Partial<Container>): Container =>
  ({
    name: 'c',
    resources: { requests: { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) } },
    ...more,
  }) as Container;
const sidecar = (cpu: string, memory?: string): Container => container(cpu, memory, { restartPolicy: 'Always' });

describe('what a Pod needs of its node', () => {
  it.each<[string, Partial<PodSpec>, number, number]>([
    ['nothing', { containers: [{ name: 'c' } as Container] }, 0, 0],
    ['all containers together', { containers: [container('100m', '1Ki'), container('1', '1k')] }, 1100, 2024],
    [
      'the largest init container',
      { initContainers: [container('2'), container('3')], containers: [container('1')] },
      3000,
      0,
    ],
    [
      'sidecars beside containers',
      { initContainers: [sidecar('500m', '1Ki')], containers: [container('1')] },
      1500,
      1024,
    ],
    [
      'sidecars beside later init containers',
      { initContainers: [sidecar('1'), container('2')], containers: [container('1')] },
      3000,
      0,
    ],
    [
      'no sidecar beside earlier init containers',
      { initContainers: [container('2'), sidecar('1')], containers: [container('0.5')] },
      2000,
      0,
    ],
    ['overhead as well', { containers: [container('1')], overhead: { cpu: '250m', memory: '1Ki' } }, 1250, 1024],
    [
      'what the whole Pod asks for, per resource',
      { containers: [container('1', '1Ki')], resources: { requests: { cpu: '3' } }, overhead: { cpu: '1' } },
      4000,
      1024,
    ],
    ['fractions rounded up', { containers: [container('0.1m', '0.5')] }, 1, 1],
  ])('%s', (_, spec, cpuMillis, memoryBytes) => {
    expect(podRequests(spec as PodSpec)).toEqual({ cpuMillis, memoryBytes });
  });
});

describe('the state of a Pod', () => {
  const status = (phase: string, ready?: string): { status: PodStatus } => ({
    status: { phase, ...(ready === undefined ? {} : { conditions: [{ type: 'Ready', status: ready }] }) } as PodStatus,
  });
  it.each([
    ['Pending', false],
    ['Running', false],
    ['Unknown', false],
    ['Succeeded', true],
    ['Failed', true],
  ])('%s is finished: %s', (phase, finished) => {
    expect(isPodFinished(status(phase))).toBe(finished);
  });

  it.each([
    ['True', true],
    ['False', false],
    [undefined, false],
  ])('condition Ready %s is ready: %s', (ready, expected) => {
    expect(isPodReady(status('Running', ready))).toBe(expected);
  });
});

describe('conditions', () => {
  const conditions = [
    { type: 'A', status: 'True' },
    { type: 'B', status: 'Unknown' },
  ];
  it('are found by type, and true only when their status says so', () => {
    expect(findCondition(conditions, 'B')).toBe(conditions[1]);
    expect(findCondition(undefined, 'B')).toBeUndefined();
    expect(isConditionTrue(conditions, 'A')).toBe(true);
    expect(isConditionTrue(conditions, 'B')).toBe(false);
    expect(isConditionTrue(undefined, 'A')).toBe(false);
  });

  it.each([
    ['Complete', 'True', true],
    ['Failed', 'True', true],
    ['Complete', 'False', false],
    ['SuccessCriteriaMet', 'True', false],
    ['FailureTarget', 'True', false],
    ['Suspended', 'True', false],
  ])('%s=%s ends a Job: %s', (type, status, finished) => {
    const condition = { type, status } as JobCondition;
    expect(jobFinishedCondition({ status: { conditions: [condition] } })).toBe(finished ? condition : undefined);
  });
});

describe('owners', () => {
  it('the controller is the one that says so', () => {
    const metadata = { name: 'j', uid: 'u' } as ObjectMeta;
    const reference = controllerRef({ metadata }, resources.jobs);
    expect(reference).toEqual({
      apiVersion: 'batch/v1',
      kind: 'Job',
      name: 'j',
      uid: 'u',
      controller: true,
      blockOwnerDeletion: true,
    });
    const other = { ...reference, controller: false } as OwnerReference;
    expect(controllerOf({ metadata: { ...metadata, ownerReferences: [other, reference] } })).toBe(reference);
    expect(controllerOf({ metadata: { ...metadata, ownerReferences: [other] } })).toBeUndefined();
    expect(controllerOf({ metadata })).toBeUndefined();
  });
});
