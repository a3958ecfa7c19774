import { fieldError } from '../../api/index.ts';
import type { FieldError } from '../../api/index.ts';

/**
 * Where a value stands in an object. A linked list that becomes text only when there is an error to report: valid
 * objects, the normal case, never pay for text.
 */
export interface Path {
  readonly parent: Path | undefined;
  /** A field name, a position in a list, or a map key with its brackets. */
  readonly segment: string | number;
}

export function rootPath(name: string): Path {
  return { parent: undefined, segment: name };
}

export function child(parent: Path, name: string): Path {
  return { parent, segment: name };
}

export function item(parent: Path, position: number): Path {
  return { parent, segment: position };
}

export function keyed(parent: Path, key: string): Path {
  return { parent, segment: `[${key}]` };
}

/** `spec.containers[0].name`, as upstream prints paths. */
export function pathText(path: Path): string {
  const { parent, segment } = path;
  // Upstream's way to say "the whole object".
  if (parent === undefined && segment === '') return '[]';
  const before = parent === undefined ? '' : pathText(parent);
  if (typeof segment === 'number') return `${before}[${segment}]`;
  return before === '' || segment.startsWith('[') ? `${before}${segment}` : `${before}.${segment}`;
}

/** Collects everything that is wrong with one object. */
export class Problems {
  readonly errors: FieldError[] = [];

  required(path: Path, detail = ''): void {
    this.errors.push(fieldError.required(pathText(path), detail));
  }
  invalid(path: Path, value: unknown, detail: string): void {
    this.errors.push(fieldError.invalid(pathText(path), value, detail));
  }
  /** For rules about a whole object, whose value would only blow up the text. */
  invalidAsWhole(path: Path, detail: string): void {
    this.errors.push({ reason: 'FieldValueInvalid', field: pathText(path), message: `Invalid value: ${detail}` });
  }
  notSupported(path: Path, value: unknown, supported: readonly string[]): void {
    this.errors.push(fieldError.notSupported(pathText(path), value, supported));
  }
  forbidden(path: Path, detail: string): void {
    this.errors.push(fieldError.forbidden(pathText(path), detail));
  }
  duplicate(path: Path, value: unknown): void {
    this.errors.push(fieldError.duplicate(pathText(path), value));
  }
  tooLong(path: Path, limitBytes: number): void {
    this.errors.push(fieldError.tooLong(pathText(path), limitBytes));
  }
  tooMany(path: Path, actual: number, limit: number): void {
    this.errors.push(fieldError.tooMany(pathText(path), actual, limit));
  }
  notFound(path: Path, value: unknown): void {
    this.errors.push(fieldError.notFound(pathText(path), value));
  }
  add(errors: readonly FieldError[]): void {
    this.errors.push(...errors);
  }
  /** One Invalid per text, as the name checks of `api` return them. */
  allInvalid(path: Path, value: unknown, details: readonly string[]): void {
    for (const detail of details) this.invalid(path, value, detail);
  }
}
