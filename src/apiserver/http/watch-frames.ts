import { apiVersionOf, type ApiError } from '../../api/index.ts';
import type { StoredEvent } from '../operations.ts';
import { partialObject } from './partial.ts';
import type { Rendering } from './rendering.ts';
import { tableHead, tableHeadWithoutColumns, tableRow } from './table.ts';

type ObjectEvent = Exclude<StoredEvent, { type: 'BOOKMARK' }>;

const frameStarts: Record<ObjectEvent['type'], Buffer> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};
const frameEnd = Buffer.from('}\n');

/** Makes the lines of one watch stream out of events. Objects go out as they are stored. */
export class FrameEncoder {
  readonly #rendering: Rendering;
  readonly #nowMs: () => number;
  #columnsSent = false;

  constructor(rendering: Rendering, nowMs: () => number) {
    this.#rendering = rendering;
    this.#nowMs = nowMs;
  }

  /** Appends the parts of one line to `parts`; returns their length in bytes. */
  encode(event: StoredEvent, parts: Buffer[]): number {
    const start = event.type === 'BOOKMARK' ? bookmarkStart : frameStarts[event.type];
    const object = event.type === 'BOOKMARK' ? Buffer.from(this.#bookmark(event)) : this.#object(event);
    parts.push(start, object, frameEnd);
    return start.length + object.length + frameEnd.length;
  }

  #object(event: ObjectEvent): Buffer {
    const rendering = this.#rendering;
    switch (rendering.form.as) {
      case 'object':
        return event.stored.bytes;
      case 'partial':
        return Buffer.from(partialObject(event.stored.object, rendering.form));
      case 'table': {
        const { resourceVersion } = event.stored.object.metadata;
        const row = tableRow(event.stored, { ...rendering, nowMs: this.#nowMs() });
        return Buffer.from(`${this.#tableHead({ resourceVersion })}${row}]}`);
      }
    }
  }

  /** Columns only go with the first event: clients keep them. */
  #tableHead(metadata: Readonly<Record<string, unknown>>): string {
    const head = this.#columnsSent ? tableHeadWithoutColumns : tableHead;
    this.#columnsSent = true;
    return head(this.#rendering, metadata);
  }

  #bookmark(event: Extract<StoredEvent, { type: 'BOOKMARK' }>): string {
    const { kind, form } = this.#rendering;
    const { resourceVersion } = event;
    if (form.as === 'table') return `${this.#tableHead({ resourceVersion })}]}`;
    const metadata = {
      resourceVersion,
      creationTimestamp: null,
      ...(event.initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    };
    const type =
      form.as === 'partial'
        ? { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${form.version}` }
        : { kind: kind.resource.kind, apiVersion: apiVersionOf(kind.resource) };
    return JSON.stringify({ ...type, metadata });
  }
}

const bookmarkStart = Buffer.from('{"type":"BOOKMARK","object":');

/** The last line of a watch that failed. */
export function errorFrame(error: ApiError): Buffer {
  return Buffer.from(`${JSON.stringify({ type: 'ERROR', object: error.status })}\n`);
}
