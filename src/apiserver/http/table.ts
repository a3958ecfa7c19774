import type { KindDefinition } from '../kind.ts';
import type { Stored } from '../operations.ts';
import { partialObject } from './partial.ts';
import type { Rendering } from './rendering.ts';

const columnsByKind = new WeakMap<KindDefinition, string>();

/** A Table up to and including the bracket that opens its rows. */
export function tableHead(rendering: Rendering, metadata: Readonly<Record<string, unknown>>): string {
  return tableStart(rendering, metadata, columnsOf(rendering.kind));
}

/** A Table that repeats no columns: all but the first of a watch. */
export function tableHeadWithoutColumns(rendering: Rendering, metadata: Readonly<Record<string, unknown>>): string {
  return tableStart(rendering, metadata, 'null');
}

function tableStart(rendering: Rendering, metadata: Readonly<Record<string, unknown>>, columns: string): string {
  const apiVersion = `meta.k8s.io/${rendering.form.version}`;
  const head = JSON.stringify({ kind: 'Table', apiVersion, metadata }).slice(0, -1);
  return `${head},"columnDefinitions":${columns},"rows":[`;
}

function columnsOf(kind: KindDefinition): string {
  let columns = columnsByKind.get(kind);
  if (columns === undefined) {
    columns = JSON.stringify(
      kind.table.columns.map(({ name, type, format = '', description, priority }) => {
        return { name, type, format, description, priority };
      }),
    );
    columnsByKind.set(kind, columns);
  }
  return columns;
}

/** One row: all cells (the client leaves out the wide ones), conditions, and as much of the object as was asked for. */
export function tableRow(stored: Stored, rendering: Rendering): string {
  const { kind, includeObject, nowMs } = rendering;
  const row = {
    cells: kind.table.cells(stored.object, nowMs),
    ...(kind.table.conditions === undefined ? {} : { conditions: kind.table.conditions(stored.object) }),
  };
  const start = JSON.stringify(row).slice(0, -1);
  switch (includeObject) {
    case 'None':
      return `${start}}`;
    case 'Metadata':
      return `${start},"object":${partialObject(stored.object, rendering.form)}}`;
    case 'Object':
      return `${start},"object":${stored.bytes.toString()}}`;
  }
}
