import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../api/index.ts';
import { aContainer, aPod } from '../testing/index.ts';
import type { ContainerState } from '../runtimes/index.ts';
import type { ContainerView } from './container-view.ts';
import { planPod, restartDelayMs } from './pod-plan.ts';

const nowMs = 1_000_000;

function pod(
  spec: Partial<PodSpec> = {},
  metadata: Partial<Pod['metadata']> = {},
  status: Partial<Pod['status']> = {},
): Pod {
  return aPod('p', { spec, metadata: { uid: 'u', ...metadata }, status: { phase: 'Pending', ...status } }) as Pod;
}

interface ViewOptions {
  readonly role?: ContainerView['role'];
  readonly exit?: number;
  readonly running?: boolean;
  readonly attempt?: number;
  readonly crashes?: number;
  readonly finishedAtMs?: number;
  readonly ranMs?: number;
  readonly waiting?: ContainerView['waiting'];
  readonly restartPolicy?: string;
  readonly starting?: boolean;
  readonly health?: ContainerView['health'];
  readonly unfit?: ContainerView['unfit'];
  readonly container?: Partial<Container>;
}

function view(name: string, options: ViewOptions = {}): ContainerView {
  const { attempt = 0, crashes = attempt, exit, running, role = 'regular', finishedAtMs = nowMs } = options;
  const id = { podUid: 'u', container: name, attempt };
  const times = { id, runtimeId: 'x', startedAtMs: finishedAtMs - (options.ranMs ?? 0) };
  let current: ContainerState | undefined;
  if (running === true) current = { type: 'running', ...times };
  if (exit !== undefined) current = { type: 'exited', ...times, finishedAtMs, exitCode: exit, reason: 'Error' };
  const container: Container = aContainer({ name, restartPolicy: options.restartPolicy, ...options.container });
  const { waiting, starting = false, health, unfit } = options;
  return { container, role, attempt, crashes, current, last: undefined, waiting, starting, health, unfit };
}

const names = (views: readonly ContainerView[]): string[] => views.map(({ container }) => container.name);

describe('planPod', () => {
  interface Row {
    readonly name: string;
    readonly spec?: Partial<PodSpec>;
    readonly metadata?: Partial<Pod['metadata']>;
    readonly status?: Partial<Pod['status']>;
    readonly views: readonly ContainerView[];
    readonly start?: readonly string[];
    readonly stop?: readonly string[];
    readonly over?: boolean;
    readonly wakeInMs?: number;
  }
  const init = { role: 'init' } as const;
  const sidecar = { role: 'sidecar', restartPolicy: 'Always' } as const;
  const rows: readonly Row[] = [
    { name: 'starts all regular containers at once', views: [view('a'), view('b')], start: ['a', 'b'] },
    {
      name: 'starts init containers one after another',
      views: [view('i', init), view('j', init), view('a')],
      start: ['i'],
    },
    { name: 'waits for a running init container', views: [view('i', { ...init, running: true }), view('a')] },
    {
      name: 'goes on after an init container that exited with 0',
      views: [view('i', { ...init, exit: 0 }), view('a')],
      start: ['a'],
    },
    {
      name: 'is over when an init container failed under Never',
      views: [view('i', { ...init, exit: 1 }), view('a')],
      over: true,
    },
    {
      name: 'restarts a failed init container at once the first time under OnFailure',
      spec: { restartPolicy: 'OnFailure' },
      views: [view('i', { ...init, exit: 1 }), view('a')],
      start: ['i'],
    },
    {
      name: 'starts a sidecar before the init container behind it',
      views: [view('s', sidecar), view('i', init), view('a')],
      start: ['s'],
    },
    {
      name: 'runs the init container beside the running sidecar',
      views: [view('s', { ...sidecar, running: true }), view('i', init), view('a')],
      start: ['i'],
    },
    {
      name: 'stops sidecars, the last one first, when the regular containers are done',
      views: [
        view('s', { ...sidecar, running: true }),
        view('t', { ...sidecar, running: true }),
        view('a', { exit: 0 }),
      ],
      stop: ['t'],
    },
    {
      name: 'is over when everything is done',
      views: [view('s', { ...sidecar, exit: 143 }), view('a', { exit: 0 })],
      over: true,
    },
    { name: 'never restarts under Never', views: [view('a', { exit: 1 }), view('b', { running: true })] },
    {
      name: 'is over when all exited under Never',
      views: [view('a', { exit: 1 }), view('b', { exit: 0 })],
      over: true,
    },
    {
      name: 'restarts a failure at once the first time',
      spec: { restartPolicy: 'OnFailure' },
      views: [view('a', { exit: 1 })],
      start: ['a'],
    },
    {
      name: 'does not restart a success under OnFailure',
      spec: { restartPolicy: 'OnFailure' },
      views: [view('a', { exit: 0 })],
      over: true,
    },
    {
      name: 'restarts a success under Always',
      spec: { restartPolicy: 'Always' },
      views: [view('a', { exit: 0 })],
      start: ['a'],
    },
    {
      name: 'waits 10 s before the second restart',
      spec: { restartPolicy: 'Always' },
      views: [view('a', { exit: 1, attempt: 1, finishedAtMs: nowMs - 4000 })],
      wakeInMs: 6000,
    },
    {
      name: 'starts when the back-off is over',
      spec: { restartPolicy: 'Always' },
      views: [view('a', { exit: 1, attempt: 1, finishedAtMs: nowMs - 10_000 })],
      start: ['a'],
    },
    {
      name: 'stops what runs when the Pod is being deleted, and starts nothing',
      metadata: { deletionTimestamp: '1970-01-01T00:20:00Z', deletionGracePeriodSeconds: 5 },
      views: [view('a', { running: true }), view('b')],
      stop: ['a'],
    },
    {
      name: 'is over when nothing runs in a deleted Pod',
      metadata: { deletionTimestamp: '1970-01-01T00:20:00Z' },
      views: [view('a', { exit: 143 }), view('b')],
      over: true,
    },
    {
      name: 'starts what ran for ten minutes again at once, however often it crashed before',
      spec: { restartPolicy: 'Always' },
      views: [view('a', { exit: 1, attempt: 9, ranMs: 600_000 })],
      start: ['a'],
    },
    {
      name: 'leaves sidecars of a deleted Pod alone while others run',
      metadata: { deletionTimestamp: '1970-01-01T00:20:00Z', deletionGracePeriodSeconds: 5 },
      views: [
        view('s', { ...sidecar, running: true }),
        view('i', { ...init, running: true }),
        view('a', { running: true }),
      ],
      stop: ['i', 'a'],
    },
    {
      name: 'then stops the sidecars of a deleted Pod, the last one first',
      metadata: { deletionTimestamp: '1970-01-01T00:20:00Z', deletionGracePeriodSeconds: 5 },
      views: [
        view('s', { ...sidecar, running: true }),
        view('t', { ...sidecar, running: true }),
        view('a', { exit: 143 }),
      ],
      stop: ['t'],
    },
    {
      name: 'wakes at the deadline',
      spec: { activeDeadlineSeconds: 30 },
      status: { startTime: new Date(nowMs - 10_000).toISOString() },
      views: [view('a', { running: true })],
      wakeInMs: 20_000,
    },
    {
      name: 'stops everything after the deadline',
      spec: { activeDeadlineSeconds: 5 },
      status: { startTime: new Date(nowMs - 10_000).toISOString() },
      views: [view('a', { running: true })],
      stop: ['a'],
    },
    {
      name: 'starts the next container only when the postStart hook of the one before it is over',
      views: [view('a', { running: true, starting: true }), view('b')],
    },
    {
      name: 'waits for the startup probe of a sidecar',
      views: [
        view('s', { ...sidecar, running: true, health: { started: false, ready: false, failed: undefined } }),
        view('a'),
      ],
    },
    {
      name: 'does not wait for the readiness of a sidecar',
      views: [
        view('s', { ...sidecar, running: true, health: { started: true, ready: false, failed: undefined } }),
        view('a'),
      ],
      start: ['a'],
    },
    {
      name: 'stops nothing for a probe that failed when its container has ended meanwhile',
      spec: { restartPolicy: 'Always' },
      views: [view('a', { exit: 1, unfit: 'liveness' })],
      start: ['a'],
    },
    {
      name: 'tries again after a failed creation only when it is due',
      views: [view('a', { waiting: { reason: 'X', message: '', retryAtMs: nowMs + 500 } })],
      wakeInMs: 500,
    },
    {
      name: 'tries again when it is due',
      views: [view('a', { waiting: { reason: 'X', message: '', retryAtMs: nowMs } })],
      start: ['a'],
    },
    { name: 'never tries again after a refusal', views: [view('a', { waiting: { reason: 'X', message: '' } })] },
  ];
  it.each(rows)('$name', ({ spec, metadata, status, views, start = [], stop = [], over = false, wakeInMs }) => {
    const plan = planPod(pod(spec, metadata, status), views, nowMs);
    expect({
      start: names(plan.start),
      stop: names(plan.stop.map((order) => order.view)),
      over: plan.over,
      wakeAtMs: plan.wakeAtMs,
    }).toEqual({
      start,
      stop,
      over,
      wakeAtMs: wakeInMs === undefined ? undefined : nowMs + wakeInMs,
    });
  });

  it('takes the grace period from the deletion, then from the spec', () => {
    const running = [view('a', { running: true })];
    const deleted = pod({}, { deletionTimestamp: '1970-01-01T00:20:00Z', deletionGracePeriodSeconds: 5 });
    expect(planPod(deleted, running, nowMs).stop).toMatchObject([{ graceMs: 5000 }]);
    const late = { startTime: new Date(nowMs - 10_000).toISOString() };
    const overdue = pod({ activeDeadlineSeconds: 5, terminationGracePeriodSeconds: 7 }, {}, late);
    expect(planPod(overdue, running, nowMs).stop).toMatchObject([{ graceMs: 7000 }]);
  });

  it('gives the sidecars of a deleted Pod what is left of its grace period, but two seconds', () => {
    const running = [view('s', { ...sidecar, running: true }), view('a', { exit: 0 })];
    const left = (due: number): unknown => {
      const deletionTimestamp = new Date(nowMs + due).toISOString();
      return planPod(pod({}, { deletionTimestamp, deletionGracePeriodSeconds: 30 }), running, nowMs).stop;
    };
    expect(left(20_000)).toMatchObject([{ graceMs: 30_000, leftMs: 20_000 }]);
    expect(left(-1000)).toMatchObject([{ graceMs: 30_000, leftMs: 2000 }]);
  });

  it('gives a Pod that is evicted one second, and ends it', () => {
    const eviction = { reason: 'Evicted', message: 'too much' };
    const running = [view('a', { running: true }), view('b', {})];
    const plan = planPod(pod({ terminationGracePeriodSeconds: 30 }), running, nowMs, eviction);
    expect(plan).toMatchObject({ start: [], over: false, ending: eviction });
    expect(plan.stop).toMatchObject([{ graceMs: 1000 }]);
    expect(planPod(pod({}), [view('a', {})], nowMs, eviction)).toMatchObject({
      start: [],
      over: true,
      ending: eviction,
    });
  });

  it('stops a container that failed a probe with the grace period of the probe, and no other', () => {
    const container = { livenessProbe: { terminationGracePeriodSeconds: 3 } };
    const views = [view('a', { running: true, unfit: 'liveness', container }), view('b', { running: true })];
    const { stop, over } = planPod(pod({ terminationGracePeriodSeconds: 30 }), views, nowMs);
    expect(stop).toMatchObject([{ view: { container: { name: 'a' } }, graceMs: 3000, unfit: 'liveness' }]);
    expect(over).toBe(false);
  });

  it('doubles the back-off from 10 s to 5 min', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(restartDelayMs)).toEqual(
      [0, 10, 20, 40, 80, 160, 300, 300].map((s) => s * 1000),
    );
  });
});
