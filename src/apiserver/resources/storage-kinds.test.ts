import { describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../api/index.ts';
import { persistentVolume } from './persistent-volume.ts';
import { persistentVolumeClaim } from './persistent-volume-claim.ts';
import {
  created,
  createErrors,
  rowOf,
  updateErrors,
  withValues,
  type RuleCase,
  type UpdateCase,
} from './rule-cases.fixture.ts';
import { storageClass } from './storage-class.ts';

const metadata = {
  ...{ name: 'x', uid: 'u-1', resourceVersion: '', creationTimestamp: '2026-01-01T00:00:00Z' },
};
const nowMs = Date.parse('2026-01-01T00:10:00Z');
const modesText = 'supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"';

describe('PersistentVolumes', () => {
  const draft: PersistentVolume = {
    ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata, status: {} },
    spec: { capacity: { storage: '1024Mi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' } },
  };

  it('get defaults, a finalizer and a phase, and amounts in canonical form', () => {
    expect(created(persistentVolume, draft)).toMatchObject({
      metadata: { finalizers: ['kubernetes.io/pv-protection'] },
      spec: {
        capacity: { storage: '1Gi' },
        persistentVolumeReclaimPolicy: 'Retain',
        volumeMode: 'Filesystem',
        hostPath: { path: '/data', type: '' },
      },
      status: { phase: 'Pending' },
    });
  });

  const cases: readonly RuleCase[] = [
    { rule: 'needs access modes', set: { 'spec.accessModes': [] }, errors: ['spec.accessModes: Required value'] },
    {
      rule: 'knows four access modes',
      set: { 'spec.accessModes': ['Any'] },
      errors: [`spec.accessModes: Unsupported value: "Any": ${modesText}`],
    },
    {
      rule: 'keeps ReadWriteOncePod alone',
      set: { 'spec.accessModes': ['ReadWriteOncePod', 'ReadWriteOnce'] },
      errors: ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
    },
    { rule: 'needs a capacity', set: { 'spec.capacity': undefined }, errors: ['spec.capacity: Required value'] },
    {
      rule: 'needs some capacity',
      set: { 'spec.capacity': { storage: '0' } },
      errors: ['spec.capacity[storage]: Invalid value: "0": must be greater than zero'],
    },
    {
      rule: 'needs a source',
      set: { 'spec.hostPath': undefined },
      errors: ['spec: Required value: must specify a volume type'],
    },
    {
      rule: 'takes one source',
      set: { 'spec.nfs': { server: 's', path: '/' } },
      errors: ['spec.nfs: Forbidden: may not specify more than 1 volume type'],
    },
    {
      rule: 'never climbs out of a path',
      set: { 'spec.hostPath': { path: '/a/../b' } },
      errors: [`spec.hostPath.path: Invalid value: "/a/../b": must not contain '..'`],
    },
    {
      rule: 'ties local volumes to nodes',
      set: { 'spec.hostPath': undefined, 'spec.local': { path: '/a' } },
      errors: ['spec.nodeAffinity: Required value: Local volume requires node affinity'],
    },
  ];
  it.each(cases)('$rule', ({ set, errors }) => {
    expect(createErrors(persistentVolume, withValues(draft, set))).toEqual(errors);
  });

  it('keep their source', () => {
    const old = created(persistentVolume, draft);
    expect(updateErrors(persistentVolume, withValues(old, { 'spec.hostPath.path': '/other' }), old)).toEqual([
      'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
    ]);
  });

  it('are shown as upstream shows them', () => {
    const set = {
      'spec.claimRef': { namespace: 'default', name: 'data' },
      'spec.storageClassName': 'standard',
      'status.phase': 'Bound',
    };
    expect(rowOf(persistentVolume, withValues(created(persistentVolume, draft), set), nowMs)).toEqual({
      Name: 'x',
      Capacity: '1Gi',
      'Access Modes': 'RWO',
      'Reclaim Policy': 'Retain',
      Status: 'Bound',
      Claim: 'default/data',
      StorageClass: 'standard',
      VolumeAttributesClass: '<unset>',
      Reason: '',
      Age: '10m',
      VolumeMode: 'Filesystem',
    });
  });
});

describe('PersistentVolumeClaims', () => {
  const draft: PersistentVolumeClaim = {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { ...metadata, namespace: 'default' }, status: {} },
    spec: { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'], resources: { requests: { storage: '1Gi' } } },
  };
  const immutable =
    'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

  it('get a volume mode, a finalizer and a phase', () => {
    expect(created(persistentVolumeClaim, draft)).toMatchObject({
      metadata: { finalizers: ['kubernetes.io/pvc-protection'] },
      spec: { volumeMode: 'Filesystem' },
      status: { phase: 'Pending' },
    });
  });

  const cases: readonly RuleCase[] = [
    {
      rule: 'need access modes',
      set: { 'spec.accessModes': [] },
      errors: ['spec.accessModes: Required value: at least 1 access mode is required'],
    },
    { rule: 'need an amount', set: { 'spec.resources': {} }, errors: ['spec.resources[storage]: Required value'] },
    {
      rule: 'need a real amount',
      set: { 'spec.resources.requests.storage': 'much' },
      errors: [
        `spec.resources[storage]: Invalid value: "much": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
      ],
    },
    {
      rule: 'cannot be copies',
      set: { 'spec.dataSource': { kind: 'PersistentVolumeClaim', name: 'y' } },
      errors: ['spec.dataSource: Forbidden: volumes are made empty here: no data source can be honoured'],
    },
    {
      rule: 'know two modes',
      set: { 'spec.volumeMode': 'Tape' },
      errors: ['spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"'],
    },
  ];
  it.each(cases)('$rule', ({ set, errors }) => {
    expect(createErrors(persistentVolumeClaim, withValues(draft, set))).toEqual(errors);
  });

  const updates: readonly UpdateCase[] = [
    { rule: 'may get the name of their volume', set: { 'spec.volumeName': 'v' }, errors: [] },
    {
      rule: 'keep the name of their volume',
      old: { 'spec.volumeName': 'v' },
      set: { 'spec.volumeName': 'w' },
      errors: [immutable],
    },
    { rule: 'keep their access modes', set: { 'spec.accessModes': ['ReadWriteMany'] }, errors: [immutable] },
    {
      rule: 'grow only when bound',
      set: { 'spec.resources.requests.storage': '2Gi' },
      errors: ['spec.resources.requests[storage]: Forbidden: only bound claims may be resized'],
    },
    {
      rule: 'never shrink',
      old: { 'status.phase': 'Bound' },
      set: { 'spec.resources.requests.storage': '1Mi' },
      errors: ['spec.resources.requests[storage]: Forbidden: field can not be less than status.capacity'],
    },
  ];
  it.each(updates)('$rule', ({ old: before = {}, set, errors }) => {
    const old = withValues(created(persistentVolumeClaim, draft), before);
    expect(updateErrors(persistentVolumeClaim, withValues(old, set), old)).toEqual(errors);
  });

  it('are shown as upstream shows them', () => {
    const set = {
      'spec.volumeName': 'v',
      'spec.storageClassName': 'standard',
      status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] },
    };
    expect(rowOf(persistentVolumeClaim, withValues(created(persistentVolumeClaim, draft), set), nowMs)).toEqual({
      Name: 'x',
      Status: 'Bound',
      Volume: 'v',
      Capacity: '1Gi',
      'Access Modes': 'RWO,ROX',
      StorageClass: 'standard',
      VolumeAttributesClass: '<unset>',
      Age: '10m',
      VolumeMode: 'Filesystem',
    });
  });
});

describe('StorageClasses', () => {
  const draft: StorageClass = {
    ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata, provisioner: 'rondo.dev/local' },
  };

  it('delete at once unless they say otherwise', () => {
    expect(created(storageClass, draft)).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
  });

  const cases: readonly RuleCase[] = [
    { rule: 'need a provisioner', set: { provisioner: '' }, errors: ['provisioner: Required value'] },
    {
      rule: 'know two policies',
      set: { reclaimPolicy: 'Recycle' },
      errors: ['reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"'],
    },
    {
      rule: 'know two binding modes',
      set: { volumeBindingMode: 'Later' },
      errors: ['volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"'],
    },
  ];
  it.each(cases)('$rule', ({ set, errors }) => {
    expect(createErrors(storageClass, withValues(draft, set))).toEqual(errors);
  });

  it('keep what their volumes were made with', () => {
    const old = created(storageClass, draft);
    const next = withValues(old, { parameters: { a: 'b' }, reclaimPolicy: 'Retain' });
    expect(updateErrors(storageClass, next, old)).toEqual([
      'parameters: Forbidden: updates to parameters are forbidden.',
      'reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.',
    ]);
  });

  it('say which one is the default', () => {
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    const row = rowOf(
      storageClass,
      withValues(created(storageClass, draft), { 'metadata.annotations': annotations }),
      nowMs,
    );
    expect(row).toMatchObject({ Name: 'x (default)', AllowVolumeExpansion: false });
  });
});
