import { humanDuration, parseTime } from '../../api/index.ts';
import type { KubeObject } from '../../api/index.ts';
import type { TableColumn } from '../kind.ts';

type ColumnType = TableColumn['type'];

export const nameColumn: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name of the object; unique in its namespace.',
  priority: 0,
};

/** A column that is always shown. */
export function column(name: string, description: string, type: ColumnType = 'string'): TableColumn {
  return { name, type, format: '', description, priority: 0 };
}

/** A column that only `-o wide` shows. */
export function wideColumn(name: string, description: string, type: ColumnType = 'string'): TableColumn {
  return { name, type, format: '', description, priority: 1 };
}

export const ageColumn: TableColumn = column('Age', 'Time since the object was created.');

/** Time since `time` as people read it; `<unknown>` if there is none. */
export function since(time: string | undefined, nowMs: number): string {
  if (time === undefined || time === null || time === '') return '<unknown>';
  const ms = parseTime(time);
  return Number.isNaN(ms) ? '<unknown>' : humanDuration(nowMs - ms);
}

export function age(object: KubeObject, nowMs: number): string {
  return since(object.metadata.creationTimestamp, nowMs);
}

/** What stands in a cell that has nothing to show. */
export function orNone(text: string | undefined): string {
  return text === undefined || text === null || text === '' ? '<none>' : text;
}

/** `a=1,b=2`, sorted; `<none>` for no labels. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const parts = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return orNone(parts.sort().join(','));
}
