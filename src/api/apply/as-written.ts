import { setKey } from '../patch-merge.ts';
import type { Shape, StructShape } from './shape.ts';
import { asStructs, isObject, type Json } from './view.ts';

/** An object as Go would write it: with the zero values that its structs always have, without empty values that they omit. */
export function asWritten(object: Json, shape: StructShape): Json {
  return write(object, shape) as Json;
}

function write(value: unknown, shape: Shape): unknown {
  switch (shape.kind) {
    case 'scalar':
      return value;
    case 'list':
      return Array.isArray(value) ? value.map((item: unknown) => write(item, shape.element)) : value;
    case 'map': {
      if (!isObject(value)) return value;
      const result: Record<string, unknown> = {};
      for (const [key, entry] of Object.entries(value)) setKey(result, key, write(entry, shape.element));
      return result;
    }
    case 'struct': {
      if (!isObject(value)) return value;
      const result: Record<string, unknown> = {};
      for (const field of shape.fields.values()) {
        const seen = asStructs(field, value[field.name]);
        if (seen !== undefined) result[field.name] = write(seen, field.shape);
      }
      return result;
    }
  }
}
