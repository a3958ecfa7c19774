import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../api/index.ts';
import { pod } from '../pod.ts';
import { created, updateErrors, withValues } from '../rule-cases.fixture.ts';
import type { UpdateCase } from '../rule-cases.fixture.ts';
import { samplePod as draft } from './sample.fixture.ts';

const part = pod.parts!['ephemeralcontainers']!;
const list = 'spec.ephemeralContainers';
const debug = { name: 'debug', image: 'x' };

/** What is wrong with the Pod after a write of this part. */
function errorsOf(wanted: unknown, old: unknown): readonly string[] {
  const next = structuredClone(part.take(wanted as Pod, old as Pod)) as Pod;
  pod.setDefaults?.(next);
  const found = [...(pod.validate?.(next, old as Pod) ?? []), ...part.validate(next, old as Pod)];
  return found.map(({ field, message }) => `${field}: ${message}`);
}

const cases: readonly UpdateCase[] = [
  { rule: 'one may come', set: { [list]: [debug] }, errors: [] },
  {
    rule: 'name and image are needed',
    set: { [list]: [{}] },
    errors: [`${list}[0].name: Required value`, `${list}[0].image: Required value`],
  },
  {
    rule: 'a name is a label, and of one container only',
    set: { [list]: [{ ...debug, name: 'A' }, { ...debug, name: 'main' }, debug, debug] },
    errors: [
      expect.stringMatching(
        /^spec\.ephemeralContainers\[0\]\.name: Invalid value: "A": a lowercase RFC 1123 label/,
      ) as string,
      `${list}[1].name: Duplicate value: "main"`,
      `${list}[3].name: Duplicate value: "debug"`,
    ],
  },
  {
    rule: 'the target is a container of the Pod, and no other ephemeral one',
    set: {
      [list]: [
        { ...debug, targetContainerName: 'main' },
        { name: 'b', image: 'x', targetContainerName: 'debug' },
      ],
    },
    errors: [`${list}[1].targetContainerName: Not found: "debug"`],
  },
  {
    rule: 'nothing may be set that serves the Pod',
    set: {
      [list]: [
        {
          ...debug,
          ports: [{ containerPort: 80 }],
          resources: { limits: { cpu: '1' } },
          livenessProbe: { tcpSocket: { port: 1 } },
          lifecycle: { preStop: { sleep: { seconds: 1 } } },
          restartPolicy: 'Always',
        },
      ],
    },
    errors: ['ports', 'resources', 'restartPolicy', 'livenessProbe', 'lifecycle'].map(
      (field) => `${list}[0].${field}: Forbidden: cannot be set for an Ephemeral Container`,
    ),
  },
  { rule: 'empty resources are none', set: { [list]: [{ ...debug, resources: {} }] }, errors: [] },
  {
    rule: 'volumes are mounted as a whole',
    old: { 'spec.volumes': [{ name: 'v', emptyDir: {} }] },
    set: { [list]: [{ ...debug, volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a' }] }] },
    errors: [`${list}[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container`],
  },
  {
    rule: 'volumes are those of the Pod',
    set: { [list]: [{ ...debug, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] },
    errors: [`${list}[0].volumeMounts[0].name: Not found: "v"`],
  },
  {
    rule: 'none may go',
    old: { [list]: [debug, { name: 'other', image: 'x' }] },
    set: { [list]: [debug] },
    errors: [`${list}: Forbidden: existing ephemeral containers "other" may not be removed\n`],
  },
  {
    rule: 'none may change, in whatever order they come',
    old: { [list]: [debug, { name: 'other', image: 'x' }] },
    set: { [list]: [{ name: 'other', image: 'y' }, debug] },
    errors: [`${list}: Forbidden: existing ephemeral containers "other" may not be changed\n`],
  },
];

describe('ephemeral containers', () => {
  it.each(cases)('$rule', ({ old = {}, set, errors }) => {
    const before = withValues(created(pod, draft), old);
    pod.setDefaults?.(before);
    expect(errorsOf(withValues(before, set), before)).toEqual(errors);
  });

  it('get the defaults of containers', () => {
    const before = created(pod, draft);
    const next = structuredClone(part.take(withValues(before, { [list]: [debug] }), before)) as Pod;
    pod.setDefaults?.(next);
    expect(next.spec.ephemeralContainers).toEqual([
      {
        ...debug,
        imagePullPolicy: 'Always',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      },
    ]);
  });

  it('bring nothing else with them', () => {
    const before = created(pod, draft);
    const wanted = withValues(before, {
      'spec.nodeName': 'n',
      'metadata.labels': { a: 'b' },
      'status.phase': 'Failed',
    });
    expect(part.take(wanted, before)).toEqual(before);
  });

  it('come by no other way', () => {
    const before = created(pod, draft);
    expect(updateErrors(pod, withValues(before, { [list]: [debug] }), before)).toEqual([
      expect.stringMatching(/^spec: Forbidden: pod updates may not change .*\nchanged: spec.ephemeralContainers$/),
    ]);
  });
});
