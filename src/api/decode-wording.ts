/** A value that does not fit the Go type of its field. */
interface Misfit {
  readonly value: unknown;
  /** `int32`, `[]v1.Container`, `map[string]string`, `v1.PodSpec`. */
  readonly type: string;
}

const integers = new Set(['int32', 'int64']);
const scalars = new Set([...integers, 'string', 'bool', 'float64']);

/** How upstream's converter from maps to structs words it (apimachinery `runtime/converter.go`). */
export function cannotConvert({ value, type }: Misfit): string {
  const kind = kindOf(value);
  if (type.startsWith('[]')) return `cannot restore slice from ${kind}`;
  if (type.startsWith('map[') || type === 'v1.ResourceList') return `cannot restore map from ${kind}`;
  if (!scalars.has(type)) return `cannot restore struct from: ${kind}`;
  if (isConvertible(kind, type)) return `cannot convert ${kind} to ${type}`;
  return `unrecognized type: ${type}`;
}

/** In Go's eyes a number can become another number, and a whole one even text; the converter wants neither. */
function isConvertible(kind: string, type: string): boolean {
  if (kind === 'int64') return type === 'string' || type === 'float64' || integers.has(type);
  return kind === 'float64' && (integers.has(type) || type === 'float64');
}

/** What Go's decoder makes of JSON where no type is asked for. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'object' ? 'map' : typeof value;
}

/** A decoded JSON value as Go prints it with `%+v`: `map[a:1 b:[x y]]`. */
export function goPrinted(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goPrinted).join(' ')}]`;
  if (typeof value !== 'object') return String(value as string | number | boolean);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${goPrinted((value as Record<string, unknown>)[key])}`).join(' ')}]`;
}
