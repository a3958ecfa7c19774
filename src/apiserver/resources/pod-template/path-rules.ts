import type { KeyToPath } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset } from '../value-rules.ts';

/** Rules for paths inside volumes: they must not lead out. Upstream: core validation `validateLocalDescendingPath`. */
export function checkDescendingPath(text: string, path: Path, problems: Problems): void {
  if (text.startsWith('/')) problems.invalid(path, text, 'must be a relative path');
  checkNoBacksteps(text, path, problems);
}

export function checkNoBacksteps(text: string, path: Path, problems: Problems): void {
  if (hasBackstep(text)) problems.invalid(path, text, "must not contain '..'");
}

export function hasBackstep(text: string): boolean {
  return text.includes('..') && text.split('/').includes('..');
}

/** Names that start with two dots are used by the atomic writer of volumes. */
export function checkNonReservedPath(text: string, path: Path, problems: Problems): void {
  checkDescendingPath(text, path, problems);
  if (text.startsWith('..') && !text.startsWith('../')) problems.invalid(path, text, "must not start with '..'");
}

/** Upstream: fileModeErrorMsg. */
export function checkFileMode(mode: number | undefined, path: Path, problems: Problems): void {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return;
  problems.invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
}

/** Upstream: core validation `validateKeyToPath`. */
export function checkItems(items: readonly KeyToPath[] | undefined, path: Path, problems: Problems): void {
  if (items === undefined) return;
  const itemsPath = child(path, 'items');
  for (const [position, entry] of items.entries()) {
    const at = item(itemsPath, position);
    if (isUnset(entry.key)) problems.required(child(at, 'key'));
    if (isUnset(entry.path)) problems.required(child(at, 'path'));
    checkNonReservedPath(entry.path ?? '', child(at, 'path'), problems);
    checkFileMode(entry.mode, child(at, 'mode'), problems);
  }
}
