import { decodeObject } from '../decode.ts';
import { ApiError } from '../status.ts';
import { asWritten } from './as-written.ts';
import {
  applyConfiguration,
  asStructs,
  checkConfiguration,
  encodeManagers,
  managersAfterUpdate,
  setOfPath,
  shapeOfMessage,
  type Manager,
  type Writer,
} from './index.ts';

type Json = Readonly<Record<string, unknown>>;

export interface PlayedCase {
  readonly apiVersion: string;
  readonly kind: string;
  readonly steps: readonly {
    readonly op: 'create' | 'update' | 'apply';
    readonly subresource?: 'status';
    readonly manager: string;
    readonly force?: boolean;
    readonly object: Json;
  }[];
}

export type Played = { readonly object: Json; readonly managedFields: unknown } | ApiError;

interface World {
  live: Json | undefined;
  managers: readonly Manager[];
}

/** What the recorder of tools/record-apply does, with this library. */
export function playCase({ apiVersion, kind, steps }: PlayedCase): Played[] {
  const world: World = { live: undefined, managers: [] };
  return steps.map((step, index): Played => {
    const time = `2020-01-01T00:00:${String(index).padStart(2, '0')}Z`;
    const resetFields = setOfPath(step.subresource === 'status' ? 'f:spec' : 'f:status');
    const writer: Writer = { manager: step.manager, apiVersion, subresource: step.subresource, time, resetFields };
    try {
      play(world, { ...step, apiVersion, kind }, writer);
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
    const shape = shapeOfMessage(kind);
    return { object: asWritten(world.live ?? {}, shape), managedFields: encodeManagers(world.managers) };
  });
}

type Step = PlayedCase['steps'][number] & { readonly apiVersion: string; readonly kind: string };

function play(world: World, step: Step, writer: Writer): void {
  const shape = shapeOfMessage(step.kind);
  const { live } = world;
  if (step.op === 'apply') {
    checkConfiguration(step.object, step);
    const type = { apiVersion: step.apiVersion, kind: step.kind };
    const applied = applyConfiguration({
      live: live ?? type,
      managers: world.managers,
      config: step.object,
      shape,
      writer,
      force: step.force === true,
    });
    world.managers = applied.managers;
    world.live = stored(applied.object ?? live ?? type, live, step);
    return;
  }
  const wanted = decodeObject(step.object, step.kind).object;
  if (live === undefined || world.managers.length > 0) {
    const change = { before: live ?? {}, after: wanted, shape, view: asStructs };
    world.managers = managersAfterUpdate(world.managers, change, writer);
  }
  world.live = stored(wanted, live, step);
}

/** Writes of the main resource keep the status, those of the status the rest. */
function stored(next: Json, live: Json | undefined, { subresource, kind }: Step): Json {
  const object = { ...decodeObject(next, kind).object };
  const kept = subresource === 'status' ? 'spec' : 'status';
  delete object[kept];
  if (live?.[kept] !== undefined) object[kept] = live[kept];
  return object;
}
