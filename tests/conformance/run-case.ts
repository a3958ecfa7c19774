import { ApiError, mergePatch, resources, type KubeObject, type Resource } from '../../src/api/index.ts';
import type { Patch } from '../../src/client/index.ts';
import {
  actionOf,
  type Case,
  type Expectation,
  type ObjectValue,
  type Rejection,
  type Selection,
  type Step,
} from './case-format.ts';
import { mismatch, type Value } from './match.ts';
import { record, type Recorder } from './recorder.ts';
import type { Surroundings } from './surroundings.ts';

const defaultWithinSeconds = { simulated: 600, real: 40 };
/** What has been recorded may come in a little later than what was read. */
const lookSeconds = 2;
const simulationPrefix = 'rondo.dev/simulate-';

/** Runs one case in a namespace of its own. Rejects with the step that failed and why. */
export async function runCase(one: Case, surroundings: Surroundings): Promise<void> {
  const namespace = `${namespaceOf(one.name)}${surroundings.namespaceSuffix}`;
  const { client } = surroundings;
  await client.create(resources.namespaces, { metadata: { name: namespace } } as never);
  const recorder = await record(client, namespace);
  try {
    await accountExists(surroundings, namespace);
    const run = new CaseRun(surroundings, namespace, recorder);
    for (const [index, step] of one.steps.entries()) {
      try {
        await run.step(step);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        throw new Error(`step ${index + 1} (${actionOf(step)}): ${text}`, { cause: error });
      }
    }
  } finally {
    recorder.close();
    await client.delete(resources.namespaces, { name: namespace });
  }
}

/** A namespace name that tells which case it is, and that no other case has. */
function namespaceOf(name: string): string {
  const words = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 36)
    .replaceAll(/^-|-$/g, '');
  let sum = 0;
  for (const character of name) sum = (Math.imul(sum, 31) + character.charCodeAt(0)) >>> 0;
  return `c-${words}-${sum.toString(36)}`;
}

/** Pods can be made only when the namespace has its service account, which somebody adds a moment later. */
async function accountExists({ client, until }: Surroundings, namespace: string): Promise<void> {
  const missing = async (): Promise<string | undefined> => {
    const { items } = await client.list(resources.serviceAccounts, { namespace });
    return items.length > 0 ? undefined : 'the namespace has no service account';
  };
  const problem = await until(10_000, missing);
  if (problem !== undefined) throw new Error(problem);
}

class CaseRun {
  readonly #surroundings: Surroundings;
  readonly #namespace: string;
  readonly #recorder: Recorder;
  readonly #variables = new Map<string, string>();

  constructor(surroundings: Surroundings, namespace: string, recorder: Recorder) {
    this.#surroundings = surroundings;
    this.#namespace = namespace;
    this.#recorder = recorder;
    this.#variables.set('namespace', namespace);
    this.#variables.set('scratch', surroundings.scratch(namespace));
  }

  async step(raw: Step): Promise<void> {
    const step = this.#filled(raw);
    const { rejected } = step;
    if (rejected === undefined) await this.#act(step);
    else await expectRejection(rejected, () => this.#act(step));
    // What a step sets going has happened when the next one begins, as far as it takes no time.
    if (this.#surroundings.mode === 'simulated') await this.#surroundings.advance(0);
  }

  async #act(step: Step): Promise<void> {
    const { client } = this.#surroundings;
    if ('create' in step) await this.#create(step.create, step.simulate ?? {});
    else if ('patch' in step) await this.#patch(step);
    else if ('update' in step) await this.#update(step);
    else if ('delete' in step) {
      const { labels, list } = step.delete;
      const options = step.options ?? {};
      if (step.collection === true) {
        const selector = labels === undefined ? {} : { labelSelector: labels };
        await client.deleteCollection(resourceOf(list ?? ''), { namespace: this.#namespace, ...selector, ...options });
      } else await this.#forEach(step.delete, (resource, ref) => client.delete(resource, ref, options));
    } else if ('evict' in step) await this.#forEach(step.evict, (_, ref) => client.evict(ref, step.options ?? {}));
    else if ('advance' in step) await this.#surroundings.advance(step.advance * 1000);
    else if ('remember' in step) {
      const object = await this.#get(step.remember);
      this.#variables.set(step.as, String(valueAt(object, step.path)));
    } else await this.#expect(step);
  }

  async #expect(step: Step): Promise<void> {
    const within = 'within' in step ? step.within : undefined;
    const { mode } = this.#surroundings;
    const isLook = 'timeline' in step || 'never' in step;
    const seconds = 'check' in step ? 0 : (within ?? (isLook ? lookSeconds : defaultWithinSeconds[mode]));
    const problem = await this.#surroundings.until(seconds * 1000, () => this.#problem(step));
    if (problem !== undefined) throw new Error(problem);
  }

  async #problem(step: Step): Promise<string | undefined> {
    if ('wait' in step) return this.#unmet(step.wait);
    if ('check' in step) return this.#unmet(step.check);
    if ('timeline' in step) return unmetTimeline(this.#recorder.versions(step.timeline), step.states);
    if ('never' in step) {
      const bad = this.#recorder.versions(step.never).find((object) => mismatch(object, step.match) === undefined);
      return bad === undefined ? undefined : `this version should not have been: ${JSON.stringify(bad)}`;
    }
    if ('events' in step) return this.#unmetEvents(step.events, step);
    throw new Error(`unknown step ${JSON.stringify(step)}`);
  }

  async #unmet(expected: Expectation): Promise<string | undefined> {
    if (expected.object !== undefined) {
      const object = await this.#find(expected.object);
      if (expected.gone === true) return object === undefined ? undefined : `${expected.object} still exists`;
      if (object === undefined) return `${expected.object} does not exist`;
      const found = mismatch(object, expected.match ?? {});
      return found && `${found} in ${JSON.stringify({ ...object, spec: '…' })}`;
    }
    return unmetList(await this.#list(expected), expected);
  }

  async #unmetEvents(
    of: string,
    { include, exclude = [] }: { readonly include: readonly Value[]; readonly exclude?: readonly Value[] },
  ): Promise<string | undefined> {
    const [kind, name] = of.split('/');
    const { items } = await this.#surroundings.client.list(resources.events, { namespace: this.#namespace });
    const about = items.filter((event) => event.involvedObject.kind === kind && event.involvedObject.name === name);
    const unwanted = about.find((found) => exclude.some((event) => mismatch(found, event) === undefined));
    if (unwanted !== undefined) return `there is an event ${unwanted.reason} ${unwanted.message}`;
    const missing = include.find((event) => !about.some((found) => mismatch(found, event) === undefined));
    if (missing === undefined) return undefined;
    const texts = about.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
    return `no event ${JSON.stringify(missing)} among ${JSON.stringify(texts)}`;
  }

  async #create(object: ObjectValue, simulate: Readonly<Record<string, string>>): Promise<void> {
    const resource = resourceOf(object['kind'] as string);
    const metadata = { ...(object['metadata'] as ObjectValue), namespace: this.#namespace };
    const draft =
      this.#surroundings.mode === 'real' ? { ...object, metadata } : scripted({ ...object, metadata }, simulate);
    await this.#surroundings.client.create(resource, draft as never);
  }

  async #patch(step: Extract<Step, { patch: string }>): Promise<void> {
    const { resource, ref } = await this.#named(step.patch);
    const patch = { type: step.type ?? 'merge', body: step.body } as Patch;
    const options = step.subresource === undefined ? {} : { subresource: step.subresource };
    await this.#surroundings.client.patch(resource, ref, patch, options);
  }

  /** Read, change, replace; again if somebody else was faster, as clients do. */
  async #update(step: Extract<Step, { update: string }>): Promise<void> {
    const { client } = this.#surroundings;
    const { resource } = await this.#named(step.update);
    for (let attempt = 1; ; attempt++) {
      const next = mergePatch(await this.#get(step.update), step.body) as unknown as KubeObject;
      try {
        await (step.subresource === 'status' ? client.updateStatus(resource, next) : client.update(resource, next));
        return;
      } catch (error) {
        if (!(error instanceof ApiError) || error.reason !== 'Conflict' || attempt >= 10) throw error;
      }
    }
  }

  async #forEach(
    selection: Selection,
    call: (resource: Resource, ref: { namespace: string; name: string }) => Promise<void>,
  ): Promise<void> {
    if (selection.object !== undefined) {
      const { resource, ref } = await this.#named(selection.object);
      await call(resource, ref);
      return;
    }
    const resource = resourceOf(selection.list ?? '');
    for (const { metadata } of await this.#list(selection))
      await call(resource, { namespace: this.#namespace, name: metadata.name });
  }

  async #list({ list, labels }: Selection): Promise<readonly KubeObject[]> {
    const selector = labels === undefined ? {} : { labelSelector: labels };
    const resource = resourceOf(list ?? '');
    return (await this.#surroundings.client.list(resource, { namespace: this.#namespace, ...selector })).items;
  }

  async #get(name: string): Promise<KubeObject> {
    const { resource, ref } = await this.#named(name);
    return this.#surroundings.client.get(resource, ref);
  }

  async #find(name: string): Promise<KubeObject | undefined> {
    try {
      return await this.#get(name);
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'NotFound') return undefined;
      throw error;
    }
  }

  /** `Kind/name`, or `Kind/?labels`: the first one by name that has them. */
  async #named(text: string): Promise<{ resource: Resource; ref: { namespace: string; name: string } }> {
    const [kind = '', ...rest] = text.split('/');
    const name = rest.join('/');
    const resource = resourceOf(kind);
    if (!name.startsWith('?')) return { resource, ref: { namespace: this.#namespace, name } };
    const items = await this.#list({ list: kind, labels: name.slice(1) });
    const [first] = items.map(({ metadata }) => metadata.name).sort();
    if (first === undefined) throw new Error(`there is no ${text}`);
    return { resource, ref: { namespace: this.#namespace, name: first } };
  }

  /** Puts remembered values in the place of `${name}`. */
  #filled<T>(value: T): T {
    if (typeof value === 'string')
      return value.replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => this.#variables.get(name) ?? whole) as T;
    if (Array.isArray(value)) return value.map((element: unknown) => this.#filled(element)) as T;
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, this.#filled(member as unknown)]),
    ) as T;
  }
}

function resourceOf(kind: string): Resource {
  const resource = Object.values(resources).find((candidate) => candidate.kind === kind);
  if (resource === undefined) throw new Error(`unknown kind ${kind}`);
  return resource as Resource;
}

/** Where commands do not run, annotations of the Pods say what they would do. */
function scripted(object: ObjectValue, simulate: Readonly<Record<string, string>>): ObjectValue {
  const entries = Object.entries(simulate);
  if (entries.length === 0) return object;
  const annotations = Object.fromEntries(entries.map(([name, value]) => [simulationPrefix + name, String(value)]));
  const change = { metadata: { annotations } };
  const inJob = { spec: { template: change } };
  const changes: Readonly<Record<string, object>> = { Pod: change, CronJob: { spec: { jobTemplate: inJob } } };
  return mergePatch(object, changes[object['kind'] as string] ?? inJob) as ObjectValue;
}

function valueAt(object: unknown, path: string): unknown {
  return path.split('.').reduce((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
}

function unmetList(items: readonly KubeObject[], expected: Expectation): string | undefined {
  const shown = (): string => JSON.stringify(items.map((item) => ({ ...item, spec: '…' })));
  if (expected.count !== undefined) {
    const found = mismatch(items.length, expected.count);
    if (found !== undefined) return `the number of items: ${found}: ${shown()}`;
  }
  for (const item of items) {
    const found = expected.each === undefined ? undefined : mismatch(item, expected.each);
    if (found !== undefined) return `${item.metadata.name}: ${found}: ${shown()}`;
  }
  const left = [...items];
  for (const wanted of expected.some ?? []) {
    const index = left.findIndex((item) => mismatch(item, wanted) === undefined);
    if (index === -1) return `none is ${JSON.stringify(wanted)}: ${shown()}`;
    left.splice(index, 1);
  }
  return undefined;
}

/** The states must occur in this order; others may lie between them. */
function unmetTimeline(versions: readonly KubeObject[], states: readonly Value[]): string | undefined {
  let from = 0;
  for (const [index, state] of states.entries()) {
    const at = versions.findIndex((version, position) => position >= from && mismatch(version, state) === undefined);
    if (at === -1) {
      const shown = versions.map((version) => JSON.stringify((version as KubeObject & { status?: unknown }).status));
      return `state ${index + 1}, ${JSON.stringify(state)}, is not among those after state ${index}:\n${shown.slice(Math.max(0, from - 1)).join('\n')}`;
    }
    from = at + 1;
  }
  return undefined;
}

async function expectRejection(expected: Rejection, call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { code, reason, message, details } = error.status;
    const actual = { code, reason, message, causes: details?.causes };
    const found = mismatch(actual, expected as unknown as Value);
    if (found !== undefined)
      throw new Error(`refused in another way: ${found} in ${JSON.stringify(error.status)}`, { cause: error });
    return;
  }
  throw new Error('it was not refused');
}
