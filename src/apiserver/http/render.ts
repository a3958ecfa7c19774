import { apiVersionOf } from '../../api/index.ts';
import type { Stored, StoredList } from '../operations.ts';
import { partialObject } from './partial.ts';
import type { Rendering } from './rendering.ts';
import { tableHead, tableRow } from './table.ts';

/** Pieces of about this size are sent at a time. */
const pieceBytes = 256 * 1024;
const comma = Buffer.from(',');
const listEnd = Buffer.from(']}');

/** One object in the form that the client asked for. As it is stored if that is the form: nothing is copied. */
export function renderObject(stored: Stored, rendering: Rendering): Buffer | string {
  switch (rendering.form.as) {
    case 'object':
      return stored.bytes;
    case 'partial':
      return partialObject(stored.object, rendering.form);
    case 'table': {
      const version = stored.object.metadata.resourceVersion ?? '';
      return `${tableHead(rendering, { resourceVersion: version })}${tableRow(stored, rendering)}]}`;
    }
  }
}

/** The pieces of a list's answer, lazily: whole objects as stored, never parsed or serialised again. */
export function* renderList(list: StoredList, rendering: Rendering): Generator<Buffer> {
  const metadata = {
    resourceVersion: list.resourceVersion,
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
  let parts: Buffer[] = [Buffer.from(listHead(rendering, metadata))];
  let gathered = 0;
  let first = true;
  for (const stored of list.items) {
    if (!first) parts.push(comma);
    first = false;
    const bytes = itemBytes(stored, rendering);
    parts.push(bytes);
    gathered += bytes.length;
    if (gathered < pieceBytes) continue;
    yield Buffer.concat(parts);
    parts = [];
    gathered = 0;
  }
  parts.push(listEnd);
  yield Buffer.concat(parts);
}

function itemBytes(stored: Stored, rendering: Rendering): Buffer {
  switch (rendering.form.as) {
    case 'object':
      return stored.bytes;
    case 'partial':
      return Buffer.from(partialObject(stored.object, rendering.form));
    case 'table':
      return Buffer.from(tableRow(stored, rendering));
  }
}

function listHead(rendering: Rendering, metadata: Readonly<Record<string, unknown>>): string {
  const { kind, form } = rendering;
  if (form.as === 'table') return tableHead(rendering, metadata);
  const type =
    form.as === 'partial'
      ? { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${form.version}` }
      : { kind: `${kind.resource.kind}List`, apiVersion: apiVersionOf(kind.resource) };
  return `${JSON.stringify({ ...type, metadata }).slice(0, -1)},"items":[`;
}
