import { describe, expect, it } from 'vitest';
import type { LimitRangeItem, PersistentVolumeClaim, Pod, PodSpec } from '../../api/index.ts';
import { aPod } from '../../testing/index.ts';
import type { AdmissionRequest } from '../kind.ts';
import { persistentVolumeClaim } from '../resources/persistent-volume-claim.ts';
import { pod as podKind } from '../resources/pod.ts';
import { limitRanger } from './limit-ranger.ts';

function admit(kind: AdmissionRequest['kind'], object: Pod | PersistentVolumeClaim, limits: readonly LimitRangeItem[]) {
  const range = { metadata: { name: 'l', namespace: 'n' }, spec: { limits } };
  const rule = limitRanger(() => [range] as never);
  const request = { operation: 'create', kind, namespace: 'n', name: 'p', object, old: undefined } as const;
  return rule.admit({ ...request, subresource: undefined, user: { name: 'u', groups: [] } });
}

function podOf(resources: object, spec: Partial<PodSpec> = {}): Pod {
  return aPod('p', { spec: { containers: [{ name: 'main', image: 'i', resources }], ...spec } }) as Pod;
}

const whyNot = (object: Pod | PersistentVolumeClaim, ...limits: readonly LimitRangeItem[]): string => {
  const kind = object.spec !== undefined && 'containers' in object.spec ? podKind : persistentVolumeClaim;
  try {
    void admit(kind, object, limits);
    return '';
  } catch (error) {
    return (error as Error).message.replace(/^.* is forbidden: /, '');
  }
};

describe('LimitRanger', () => {
  it('gives containers what they do not say themselves, and notes it', () => {
    const pod = podOf({ limits: { memory: '2Gi' } }, { initContainers: [{ name: 'first', image: 'i' }] });
    void admit(podKind, pod, [
      { type: 'Container', default: { cpu: '1', memory: '1Gi' }, defaultRequest: { cpu: '500m' } },
    ]);
    expect(pod.spec.containers[0]?.resources).toEqual({
      limits: { cpu: '1', memory: '2Gi' },
      requests: { cpu: '500m' },
    });
    expect(pod.spec.initContainers?.[0]?.resources?.limits).toEqual({ cpu: '1', memory: '1Gi' });
    expect(pod.metadata.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu request for container main; cpu limit for container main; cpu request for init container first; cpu, memory limit for init container first',
    });
    expect(pod.status.qosClass).toBe('Burstable');
  });

  const container = (sides: Partial<LimitRangeItem>): LimitRangeItem => ({ type: 'Container', ...sides });
  it.each([
    [{}, { min: { cpu: '1' } }, 'minimum cpu usage per Container is 1.  No request is specified'],
    [{ requests: { cpu: '1' } }, { min: { cpu: '2' } }, 'minimum cpu usage per Container is 2, but request is 1'],
    [
      { requests: { cpu: '2' }, limits: { cpu: '1' } },
      { min: { cpu: '2' } },
      'minimum cpu usage per Container is 2, but limit is 1',
    ],
    [{}, { max: { memory: '1Gi' } }, 'maximum memory usage per Container is 1Gi.  No limit is specified'],
    [
      { limits: { memory: '1536Mi' } },
      { max: { memory: '1Gi' } },
      'maximum memory usage per Container is 1Gi, but limit is 1536Mi',
    ],
    [
      { limits: { memory: '1Gi' }, requests: { memory: '2Gi' } },
      { max: { memory: '1Gi' } },
      'maximum memory usage per Container is 1Gi, but request is 2Gi',
    ],
    [
      { limits: { cpu: '3' } },
      { maxLimitRequestRatio: { cpu: '2' } },
      'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
    ],
    [
      { limits: { cpu: '3' }, requests: { cpu: '1' } },
      { maxLimitRequestRatio: { cpu: '2' } },
      'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    ],
    [
      { limits: { cpu: '2' }, requests: { cpu: '1' } },
      { min: { cpu: '1' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '2' } },
      '',
    ],
  ])('measures %j by %j', (resources, sides, expected) => {
    expect(whyNot(podOf(resources), container(sides))).toBe(expected);
  });

  it('measures Pods as a whole, and says all that is wrong', () => {
    const pod = podOf({ requests: { cpu: '1' }, limits: { cpu: '2' } });
    const both = { ...pod, spec: { ...pod.spec, containers: [...pod.spec.containers, ...pod.spec.containers] } };
    expect(whyNot(both, { type: 'Pod', max: { cpu: '3' }, min: { cpu: '3' } })).toBe(
      '[minimum cpu usage per Pod is 3, but request is 2, maximum cpu usage per Pod is 3, but limit is 4]',
    );
  });

  it('measures claims', () => {
    const claim = {
      metadata: { name: 'c', namespace: 'n' },
      spec: { resources: { requests: { storage: '5Gi' } } },
    } as unknown as PersistentVolumeClaim;
    const limit = (sides: Partial<LimitRangeItem>): LimitRangeItem => ({ type: 'PersistentVolumeClaim', ...sides });
    expect(whyNot(claim, limit({ max: { storage: '4Gi' } }))).toBe(
      'maximum storage usage per PersistentVolumeClaim is 4Gi, but request is 5Gi',
    );
    expect(whyNot(claim, limit({ min: { storage: '6Gi' } }))).toBe(
      'minimum storage usage per PersistentVolumeClaim is 6Gi, but request is 5Gi',
    );
    expect(whyNot(claim, limit({ max: { storage: '5Gi' } }))).toBe('');
  });
});
