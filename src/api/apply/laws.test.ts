import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeObject } from '../decode.ts';
import { deepFreeze } from '../object.ts';
import { ApiError } from '../status.ts';
import { asWritten } from './as-written.ts';
import type { PlayedCase } from './play-case.fixture.ts';
import {
  applyConfiguration,
  difference,
  fieldsOf,
  isEmptySet,
  recursiveDifference,
  setOfPath,
  shapeOfMessage,
  unownedFields,
  type Applied,
  type Manager,
} from './index.ts';

type Json = Readonly<Record<string, unknown>>;

const file = new URL('../../../tests/fixtures/apply/recorded.json', import.meta.url);
const recorded = JSON.parse(readFileSync(file, 'utf8')) as PlayedCase[];
/** Configurations that upstream takes, by kind. */
const configurations = new Map<string, { readonly apiVersion: string; readonly objects: Json[] }>();
for (const { apiVersion, kind, steps } of recorded) {
  const known = configurations.get(kind) ?? { apiVersion, objects: [] };
  configurations.set(kind, known);
  for (const { op, object } of steps) if (op === 'apply' && !('status' in object)) known.objects.push(object);
}
const resetFields = setOfPath('f:status');

interface World {
  readonly live: Json;
  readonly managers: readonly Manager[];
}

function apply(world: World, manager: string, config: Json, force = true): Applied & World {
  const { apiVersion } = config as { apiVersion: string };
  const applied = applyConfiguration({
    live: deepFreeze(world.live),
    managers: deepFreeze(world.managers),
    config: deepFreeze(config),
    shape: shapeOfMessage(config['kind'] as string),
    writer: { manager, apiVersion, subresource: undefined, time: '2020-01-01T00:00:00Z', resetFields },
    force,
  });
  const object = applied.object ?? world.live;
  const kind = config['kind'] as string;
  return { ...applied, live: asWritten(decodeObject(object, kind).object, shapeOfMessage(kind)) };
}

const nothing: World = { live: {}, managers: [] };
const several = fc
  .constantFrom(...configurations.keys())
  .chain((kind) => fc.array(fc.constantFrom(...configurations.get(kind)!.objects), { minLength: 3, maxLength: 3 }));

/** Runs a law on configurations; those that the schema refuses say nothing. */
function holds(law: (configs: readonly Json[]) => void): void {
  fc.assert(
    fc.property(several, (configs) => {
      try {
        law(configs);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
}

describe('server-side apply', () => {
  it('changes nothing the second time', () => {
    holds(([first, second]) => {
      const once = apply(apply(nothing, 'a', first!), 'b', second!);
      const twice = apply(once, 'b', second!);
      expect(twice.live).toEqual(once.live);
      expect(twice.managers).toEqual(once.managers);
    });
  });

  it('gives whoever applies all that the configuration says', () => {
    holds(([first, second]) => {
      const config = second!;
      const shape = shapeOfMessage(config['kind'] as string);
      const { managers } = apply(apply(nothing, 'a', first!), 'b', config);
      const owned = managers.find(({ manager }) => manager === 'b')?.fields ?? {};
      const said = difference(recursiveDifference(fieldsOf(config, shape), resetFields), unownedFields);
      expect(isEmptySet(difference(said, owned))).toBe(true);
      expect(isEmptySet(difference(owned, said))).toBe(true);
    });
  });

  it('leaves its manager with what it says now, whatever it said before', () => {
    holds(([first, second, third]) => {
      const before = apply(nothing, 'a', first!);
      const there = apply(apply(before, 'b', second!), 'b', third!);
      const direct = apply(before, 'b', third!);
      const mine = (world: World): unknown => world.managers.find(({ manager }) => manager === 'b')?.fields;
      expect(mine(there)).toEqual(mine(direct));
    });
  });

  it('does not depend on the order of appliers that do not meet', () => {
    const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('x', 'y'), { minKeys: 1 });
    const data = fc.dictionary(fc.constantFrom('d', 'e', 'f'), fc.constantFrom('x', 'y'), { minKeys: 1 });
    fc.assert(
      fc.property(labels, data, (one, other) => {
        const type = { apiVersion: 'v1', kind: 'ConfigMap' };
        const first = { ...type, metadata: { name: 'n', labels: one } };
        const second = { ...type, metadata: { name: 'n' }, data: other };
        const there = apply(apply(nothing, 'a', first, false), 'b', second, false);
        const back = apply(apply(nothing, 'b', second, false), 'a', first, false);
        const byName = (managers: readonly Manager[]): unknown =>
          Object.fromEntries(managers.map(({ manager, fields }) => [manager, fields]));
        expect(there.live).toEqual(back.live);
        expect(byName(there.managers)).toEqual(byName(back.managers));
      }),
    );
  });
});
