import { describe, expect, it } from 'vitest';
import { controllerOf, controllerRef, resources, type OwnerReference } from './index.ts';

const metadata = { name: 'tick', uid: 'u-1', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
const owner = (name: string, controller?: boolean): OwnerReference => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  name,
  uid: `uid-of-${name}`,
  ...(controller === undefined ? {} : { controller }),
});

describe('owners', () => {
  it.each<[string, readonly OwnerReference[] | undefined, string | undefined]>([
    ['no list', undefined, undefined],
    ['an empty list', [], undefined],
    ['owners that do not control', [owner('a'), owner('b', false)], undefined],
    ['a controller behind another owner', [owner('a'), owner('b', true)], 'b'],
  ])('the controller in %s is %s', (_, ownerReferences, expected) => {
    expect(controllerOf({ metadata: { ...metadata, ownerReferences } })?.name).toBe(expected);
  });

  it('a controller reference names group, kind, name and uid, and blocks the deletion of the owner', () => {
    expect(controllerRef({ metadata }, resources.cronJobs)).toEqual({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      name: 'tick',
      uid: 'u-1',
      controller: true,
      blockOwnerDeletion: true,
    });
    expect(controllerRef({ metadata }, resources.pods).apiVersion).toBe('v1');
  });
});
