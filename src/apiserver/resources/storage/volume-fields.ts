import { dns1123SubdomainErrors, hasFinalizer } from '../../../api/index.ts';
import type { KubeObject } from '../../../api/index.ts';
import type { Path, Problems } from '../field-path.ts';
import { quantityOf } from '../pod-template/known-quantities.ts';
import { isUnset, listOf } from '../value-rules.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const shortModes: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const volumeModes = ['Block', 'Filesystem'];

/** Rules that volumes and claims share. Upstream: core validation of both specs. */
export function checkAccessModes(modes: readonly string[] | undefined, path: Path, problems: Problems): void {
  for (const mode of listOf(modes)) if (!accessModes.includes(mode)) problems.notSupported(path, mode, accessModes);
  if (listOf(modes).includes('ReadWriteOncePod') && listOf(modes).length > 1)
    problems.forbidden(path, 'may not use ReadWriteOncePod with other access modes');
}

export function checkVolumeMode(mode: string | undefined, path: Path, problems: Problems): void {
  if (!isUnset(mode) && !volumeModes.includes(mode)) problems.notSupported(path, mode, volumeModes);
}

export function checkClassName(name: string | undefined, path: Path, problems: Problems): void {
  if (!isUnset(name)) problems.allInvalid(path, name, dns1123SubdomainErrors(name));
}

/** An amount of storage that must be there. */
export function checkStorageAmount(text: string | undefined, path: Path, problems: Problems): void {
  if (isUnset(text)) {
    problems.required(path);
    return;
  }
  const amount = quantityOf(text);
  if (amount === undefined)
    problems.invalid(
      path,
      text,
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  else if (amount <= 0n) problems.invalid(path, text, 'must be greater than zero');
}

/** `RWO,ROX`, as kubectl shows them. */
export function accessModesText(modes: readonly string[] | undefined): string {
  return [...new Set(listOf(modes))].map((mode) => shortModes[mode] ?? mode).join(',');
}

/** The storage amount of a capacity or a request. */
export function storageOf(amounts: Readonly<Record<string, string>> | undefined): string | undefined {
  return amounts?.['storage'];
}

/** Adds the finalizer that keeps the object while it is in use (admission StorageObjectInUseProtection). */
export function protect(draft: KubeObject, finalizer: string): void {
  if (hasFinalizer(draft, finalizer)) return;
  draft.metadata = { ...draft.metadata, finalizers: [...(draft.metadata.finalizers ?? []), finalizer] };
}
