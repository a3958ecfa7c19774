import type { ApiError, KubeObject, Resource } from '../../src/api/index.ts';
import type { Admission, KindDefinition, UserInfo } from '../../src/apiserver/kind.ts';
import type { Operations, StoredEvent, WatchQuery, WriteRequest } from '../../src/apiserver/operations.ts';
import { createOperations } from '../../src/apiserver/registry/create-operations.ts';
import type { Random } from '../../src/clock/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { createMemoryStore, type Retention, type Store } from '../../src/store/index.ts';
import { FakeClock, seededRandom } from '../../src/testing/index.ts';
import { testIssuer } from '../../src/apiserver/tokens/test-issuer.fixture.ts';

/** A made-up kind with everything the generic code has rules for. */
export interface Widget extends KubeObject {
  spec: { color?: string; size?: number; parts?: readonly string[]; holders?: readonly string[] };
  status: { phase?: string; note?: string };
}

export const widgets: Resource<Widget> = {
  group: 'test.dev',
  version: 'v1',
  resource: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

export const boxes: Resource<Widget> = { ...widgets, group: '', resource: 'boxes', kind: 'Box', namespaced: false };

/** Forgets the object type, as resources/define-kind does. */
function asKind(kind: KindDefinition<Widget>): KindDefinition {
  return kind as unknown as KindDefinition;
}

const plain = {
  singular: 'widget',
  hasStatus: true,
  hasGeneration: true,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: (name: string) => (/^[a-z0-9.-]+$/.test(name) ? [] : ['must be lower case']),
  table: { columns: [], cells: () => [] },
};

export const widgetKind = asKind({
  ...plain,
  resource: widgets,
  setDefaults: (draft) => {
    draft.spec ??= {};
    draft.spec.size ??= 1;
  },
  prepareForCreate: (draft) => {
    draft.status = { phase: 'New' };
  },
  validate: ({ spec }) => {
    const size = spec.size ?? 0;
    const message = `Invalid value: ${size}: must be positive`;
    return size > 0 ? [] : [{ reason: 'FieldValueInvalid', field: 'spec.size', message }];
  },
  validateUpdate: (next, old) => {
    const message = `Invalid value: "${next.spec.color ?? ''}": field is immutable`;
    return next.spec.color === old.spec.color ? [] : [{ reason: 'FieldValueInvalid', field: 'spec.color', message }];
  },
  validateStatusUpdate: ({ status }) => {
    const message = 'Invalid value: "bad": must be good';
    return status.phase === 'bad' ? [{ reason: 'FieldValueInvalid', field: 'status.phase', message }] : [];
  },
  fieldLabels: { 'spec.color': ({ spec }) => spec.color ?? '', 'status.phase': ({ status }) => status.phase ?? '' },
  indexed: ['label:app', 'field:spec.color'],
  deletion: { heldBack: ({ spec }) => (spec.holders?.length ?? 0) > 0 },
});

/** Needs a resourceVersion in every update, dies gracefully, and orphans what it owns. */
export const boxKind = asKind({
  ...plain,
  resource: boxes,
  singular: 'box',
  hasGeneration: false,
  allowUnconditionalUpdate: false,
  deletion: {
    graceSeconds: (_object, requested) => requested ?? 30,
    forbid: ({ metadata }) => (metadata.name === 'keep' ? 'this box may not be deleted' : undefined),
    defaultPropagation: 'Background',
    defaultPropagationWarning: 'contents are removed too',
  },
});

export const tester: UserInfo = { name: 'tester', groups: ['system:masters'] };

export interface Bench {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly operations: Operations;
  readonly warnings: string[];
  on(kind: KindDefinition, options?: Partial<WriteRequest>): WriteRequest;
}

export interface BenchOptions {
  readonly kinds?: readonly KindDefinition[];
  readonly admission?: readonly Admission[];
  readonly retention?: Retention;
  readonly random?: Random;
}

/** Operations over a memory store, with made-up kinds and a clock that stands still. */
export function startBench(options: BenchOptions = {}): Bench {
  const clock = new FakeClock();
  const { retention } = options;
  const store = createMemoryStore({ clock, ...(retention === undefined ? {} : { retention }) });
  const operations = createOperations({
    store,
    kinds: options.kinds ?? [widgetKind, boxKind],
    admission: options.admission ?? [],
    clock,
    random: options.random ?? seededRandom(1),
    log: silentLogger,
    tokens: testIssuer(clock),
  });
  const warnings: string[] = [];
  const on: Bench['on'] = (kind, request = {}) => ({
    kind,
    ...(kind.resource.namespaced ? { namespace: 'default' } : {}),
    user: tester,
    warn: (text) => warnings.push(text),
    ...request,
  });
  return { clock, store, operations, warnings, on };
}

/** A draft of a Widget or Box. Fresh each time: operations own what they get. */
export function draftOf(name: string, parts: { metadata?: object; spec?: object; status?: object } = {}): Widget {
  const { metadata = {}, spec = {}, status } = parts;
  return { metadata: { name, ...metadata }, spec, ...(status === undefined ? {} : { status }) } as Widget;
}

/** Watches and writes down what comes, as `TYPE name`. */
export function record(bench: Bench, request: WriteRequest, query: WatchQuery): Recording {
  const events: StoredEvent[] = [];
  const recording: Recording = {
    events,
    ended: undefined,
    seen: () => events.map(describeEvent),
    close: () => handle.close(),
  };
  const handle = bench.operations.watch(request, query, {
    onEvents: (batch) => events.push(...batch),
    onEnd: (error) => {
      recording.ended = { error };
    },
  });
  return recording;
}

export interface Recording {
  readonly events: StoredEvent[];
  ended: { readonly error: Error | undefined } | undefined;
  seen(): string[];
  close(): void;
}

function describeEvent(event: StoredEvent): string {
  if (event.type !== 'BOOKMARK') return `${event.type} ${event.stored.object.metadata.name}`;
  return `BOOKMARK ${event.resourceVersion}${event.initialEventsEnd ? ' end' : ''}`;
}

/** What a promise was rejected with; undefined if it was not. */
export async function failureOf(promise: Promise<unknown>): Promise<ApiError | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error as ApiError;
  }
}
