import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../../src/api/index.ts';
import type { Listening } from '../../../src/apiserver/index.ts';
import { startTestEngine, type TestEngine } from '../../../src/testing/index.ts';

let engine: TestEngine;
let listening: Listening;
beforeAll(async () => {
  engine = await startTestEngine();
  const user = { name: 'admin', groups: ['system:masters'] };
  listening = await engine.listen({ host: '127.0.0.1', port: 0, tokens: new Map([['token', user]]) });
});
afterAll(() => engine.stop());

interface Refusal {
  readonly status: number;
  readonly warning: string | null;
  readonly body: {
    readonly reason?: string;
    readonly message?: string;
    readonly details?: { readonly causes?: readonly { field: string; reason: string; message: string }[] };
  };
}

async function post(job: object): Promise<Refusal> {
  const answer = await fetch(`${listening.url}/apis/batch/v1/namespaces/default/jobs`, {
    method: 'POST',
    headers: { authorization: 'Bearer token', 'content-type': 'application/json' },
    body: JSON.stringify(job),
  });
  return {
    status: answer.status,
    warning: answer.headers.get('warning'),
    body: (await answer.json()) as Refusal['body'],
  };
}

function job(spec: object, more: { name?: string; container?: object; annotations?: object } = {}): object {
  const containers = [{ name: 'main', image: 'any', ...more.container }];
  const template = { metadata: { annotations: more.annotations ?? {} }, spec: { restartPolicy: 'Never', containers } };
  return { metadata: { name: more.name ?? 'bad' }, spec: { template, ...spec } };
}

const everything = {
  parallelism: -1,
  completions: -2,
  backoffLimit: -3,
  activeDeadlineSeconds: -4,
  ttlSecondsAfterFinished: -5,
  completionMode: 'Sometimes',
  podReplacementPolicy: 'Perhaps',
  managedBy: 'x'.repeat(70),
  successPolicy: { rules: [] },
};
const indexed = { completionMode: 'Indexed', parallelism: 1 };
const huge = 2 ** 31 - 1;
const longName = `a${'b'.repeat(60)}`;

/** What is stored of all kinds that a half-created Job could leave behind, and the newest version of anything. */
async function stored(): Promise<unknown> {
  const of = async (resource: Parameters<typeof engine.client.list>[0]): Promise<unknown> =>
    engine.client.list(resource, { namespace: 'default' });
  return [await of(resources.jobs), await of(resources.pods), await of(resources.events)];
}

describe('bad Jobs over HTTP', () => {
  it('names the template alone where a name is too long for the labels made of it', async () => {
    const name = 'a'.repeat(64);
    const { status, body } = await post(job({}, { name }));
    const fault = 'Invalid value: "' + name + '": must be no more than 63 bytes';
    expect([status, body.message]).toEqual([422, `Job.batch "${name}" is invalid: spec.template.labels: ${fault}`]);
  });

  it('names everything that is wrong in one Status', async () => {
    const before = await stored();
    const { status, body } = await post(job(everything));
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(body.details).toMatchObject({ name: 'bad', group: 'batch', kind: 'Job' });
    expect(body.details?.causes?.map(({ field }) => field).sort()).toEqual([
      'spec.activeDeadlineSeconds',
      'spec.backoffLimit',
      'spec.completionMode',
      'spec.completions',
      'spec.managedBy',
      'spec.managedBy',
      'spec.parallelism',
      'spec.podReplacementPolicy',
      'spec.successPolicy',
      'spec.ttlSecondsAfterFinished',
    ]);
    for (const { field, message } of body.details?.causes ?? []) expect(body.message).toContain(`${field}: ${message}`);
    expect(await stored()).toEqual(before);
  });

  it.each([
    ['more parallelism than Indexed Jobs may have', job({ ...indexed, completions: 1, parallelism: huge }), 422, 'spec.parallelism'],
    ['indexes without end and a limit per index', job({ ...indexed, completions: huge, backoffLimitPerIndex: 1 }), 422, 'spec.maxFailedIndexes'],
    ['an Indexed Job without completions', job({ completionMode: 'Indexed', parallelism: 2 }), 422, 'spec.completions'],
    ['a name that is too long for host names', job({ ...indexed, completions: 1000 }, { name: longName }), 422, 'metadata.name'],
    ['a name that is no DNS name', job({}, { name: 'Not_DNS' }), 422, 'metadata.name'],
    ['success indexes of 70 000 characters', job({ ...indexed, completions: 10, successPolicy: { rules: [{ succeededIndexes: '1'.repeat(70_000) }] } }), 422, 'spec.successPolicy.rules[0].succeededIndexes'],
    ['300 exit codes', job({ podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: Array.from({ length: 300 }, (_, index) => index + 1) } }] } }), 422, 'spec.podFailurePolicy.rules[0].onExitCodes.values'],
    ['a template with 300 kB of annotations', job({}, { annotations: { note: 'x'.repeat(300_000) } }), 422, 'spec.template.annotations'],
    ['a number that is no 32-bit integer', job({ parallelism: 1e15 }), 400, undefined],
    ['a fraction', job({ backoffLimit: 0.5 }), 400, undefined],
    ['a template of 5 MB', job({}, { container: { args: ['x'.repeat(5_000_000)] } }), 413, undefined],
  ] as const)('refuses %s and leaves nothing behind', async (_name, object, code, field) => {
    const before = await stored();
    const { status, body } = await post(object);
    expect(status, body.message).toBe(code);
    if (field !== undefined) expect(body.details?.causes?.map((cause) => cause.field)).toContain(field);
    await engine.clock.advance(5000);
    const [jobs, pods, events] = (await stored()) as { items: unknown[] }[];
    expect([jobs?.items, pods?.items, events?.items]).toEqual((before as { items: unknown[] }[]).map(({ items }) => items));
  }); // prettier-ignore

  it('takes the longest name whose host names fit, and the largest template', async () => {
    const name = `a${'b'.repeat(60)}`;
    expect((await post(job({ ...indexed, completions: 10, suspend: true }, { name }))).status).toBe(201);
    const args = ['x'.repeat(2_500_000)];
    expect((await post(job({ suspend: true }, { name: 'large', container: { args } }))).status).toBe(201);
  });

  it('warns of names that surprise in host names', async () => {
    const { status, warning } = await post(job({ suspend: true }, { name: 'with.dots' }));
    expect(status).toBe(201);
    expect(warning).toContain('metadata.name: this is used in Pod names and hostnames');
  });
});
