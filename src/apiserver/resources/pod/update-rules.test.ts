import { describe, expect, it } from 'vitest';
import { pod } from '../pod.ts';
import { created, statusErrors, updateErrors, withValues } from '../rule-cases.fixture.ts';
import type { UpdateCase } from '../rule-cases.fixture.ts';
import { samplePod as draft } from './sample.fixture.ts';

const allowed =
  'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

const updateCases: readonly UpdateCase[] = [
  {
    rule: 'image, deadline and more tolerations may change',
    set: {
      'spec.containers.0.image': 'y',
      'spec.activeDeadlineSeconds': 5,
      'spec.tolerations': [{ operator: 'Exists' }],
      'metadata.labels': { a: 'b' },
    },
    errors: [],
  },
  { rule: 'the node is fixed', set: { 'spec.nodeName': 'n' }, errors: [`${allowed}\nchanged: spec.nodeName`] },
  {
    rule: 'the command is fixed',
    set: { 'spec.containers.0.command': ['x'] },
    errors: [`${allowed}\nchanged: spec.containers`],
  },
  {
    rule: 'containers stay',
    set: { 'spec.containers.1': { name: 'b', image: 'x' } },
    errors: ['spec.containers: Forbidden: pod updates may not add or remove containers'],
  },
  {
    rule: 'a deadline may only be shortened',
    old: { 'spec.activeDeadlineSeconds': 5 },
    set: { 'spec.activeDeadlineSeconds': 6 },
    errors: ['spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value'],
  },
  {
    rule: 'a deadline stays',
    old: { 'spec.activeDeadlineSeconds': 5 },
    set: { 'spec.activeDeadlineSeconds': undefined },
    errors: ['spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value'],
  },
  {
    rule: 'tolerations stay',
    old: { 'spec.tolerations': [{ operator: 'Exists' }] },
    set: { 'spec.tolerations': [] },
    errors: ['spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds'],
  },
  {
    rule: 'a negative grace period may become 1',
    old: { 'spec.terminationGracePeriodSeconds': -1 },
    set: { 'spec.terminationGracePeriodSeconds': 1 },
    errors: [],
  },
  {
    rule: 'gates go but do not come',
    old: { 'spec.schedulingGates': [{ name: 'a' }, { name: 'b' }] },
    set: { 'spec.schedulingGates': [{ name: 'b' }, { name: 'c' }] },
    errors: ["spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'c'"],
  },
  {
    rule: 'while gated, the place may be narrowed',
    old: { 'spec.schedulingGates': [{ name: 'a' }] },
    set: {
      'spec.nodeSelector': { a: 'b' },
      'spec.affinity': {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
          },
        },
      },
    },
    errors: [],
  },
];

describe('updates of Pods', () => {
  it.each(updateCases)('$rule', ({ old = {}, set, errors }) => {
    const before = withValues(created(pod, draft), old);
    expect(updateErrors(pod, withValues(before, set), before)).toEqual(errors);
  });
});

describe('status updates of Pods', () => {
  const ended = [{ name: 'main', state: { terminated: { exitCode: 1 } } }];
  const again = [{ name: 'main', state: { running: {} } }];
  const update = (policy: string, set: Readonly<Record<string, unknown>>): readonly string[] => {
    const before = withValues(created(pod, draft), { 'spec.restartPolicy': policy, 'status.containerStatuses': ended });
    return statusErrors(pod, withValues(before, set), before);
  };
  it('keep what ended for good', () => {
    expect(update('Never', { 'status.containerStatuses': again })).toEqual([
      'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
    ]);
    expect(update('OnFailure', { 'status.containerStatuses': again })).toEqual([]);
    expect(update('Always', { 'status.containerStatuses': again })).toEqual([]);
  });
  it('keep the class of service', () => {
    expect(update('Never', { 'status.qosClass': 'Guaranteed' })).toEqual([
      'status.qosClass: Invalid value: "Guaranteed": field is immutable',
    ]);
  });
});
