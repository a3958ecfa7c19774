import { qualifiedNameErrors, resources } from '../../api/index.ts';
import type { Event, FieldError } from '../../api/index.ts';
import type { TableCell } from '../kind.ts';
import { defineKind } from './define-kind.ts';
import { child, Problems, rootPath } from './field-path.ts';
import { column, nameColumn, since, wideColumn } from './table-columns.ts';
import { isUnset } from './value-rules.ts';

const timeToLiveMs = 60 * 60 * 1000;

/** Upstream: core validation `legacyValidateEvent` for requests of version v1. */
function validate(object: Event): readonly FieldError[] {
  const problems = new Problems();
  const namespace = object.metadata.namespace ?? '';
  const involved = object.involvedObject?.namespace ?? '';
  // Events on cluster-scoped objects live in the namespace default.
  const matches = involved === '' ? namespace === '' || namespace === 'default' : involved === namespace;
  if (!matches) {
    problems.invalid(child(rootPath('involvedObject'), 'namespace'), involved, 'does not match event.namespace');
  }
  if (!isUnset(object.eventTime)) checkNewStyle(object, problems);
  return problems.errors;
}

/** Recorders of the new style fill in eventTime, and with it comes more. */
function checkNewStyle(object: Event, problems: Problems): void {
  const controller = object.reportingComponent ?? '';
  const path = rootPath('reportingComponent');
  if (controller === '') problems.required(path);
  else problems.allInvalid(path, controller, qualifiedNameErrors(controller));
  for (const field of ['reportingInstance', 'action', 'reason'] as const) {
    const text = object[field] ?? '';
    if (text === '') problems.required(rootPath(field));
    checkLength(text, field, 128, problems);
  }
  checkLength(object.message ?? '', 'message', 1024, problems);
}

function checkLength(text: string, field: string, limit: number, problems: Problems): void {
  if (text.length > limit) problems.invalid(rootPath(field), '', `can have at most ${limit} characters`);
}

function sourceComponent(object: Event): string {
  const component = object.source?.component ?? '';
  return component === '' ? (object.reportingComponent ?? '') : component;
}

function sourceText(object: Event): string {
  const host = object.source?.host ?? '';
  const instance = host === '' ? (object.reportingInstance ?? '') : host;
  const component = sourceComponent(object);
  return instance === '' ? component : `${component}, ${instance}`;
}

/** Upstream: printers `printEvent`. */
function cells(object: Event, nowMs: number): readonly TableCell[] {
  const { series, involvedObject } = object;
  const firstSeen = since(isUnset(object.firstTimestamp) ? object.eventTime : object.firstTimestamp, nowMs);
  const once = isUnset(object.lastTimestamp) ? firstSeen : since(object.lastTimestamp, nowMs);
  const kind = (involvedObject?.kind ?? '').toLowerCase();
  const target = isUnset(involvedObject?.name) ? kind : `${kind}/${involvedObject.name}`;
  const count = object.count ?? 0;
  return [
    series === undefined ? once : since(series.lastObservedTime, nowMs),
    object.type ?? '',
    object.reason ?? '',
    target,
    involvedObject?.fieldPath ?? '',
    sourceText(object),
    (object.message ?? '').trim(),
    firstSeen,
    series === undefined ? (count === 0 ? 1 : count) : (series.count ?? 0),
    object.metadata.name,
  ];
}

export const event = defineKind<Event>({
  resource: resources.events,
  singular: 'event',
  shortNames: ['ev'],
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  // Names of core/v1 Events follow only the path-segment rules.
  validateName: () => [],
  setDefaults: (draft) => {
    draft.involvedObject ??= {};
  },
  validate,
  timeToLiveMs,
  // A Job's Events go with its own next write, instead of holding that up with flushes of theirs.
  flushMayWaitMs: 10,
  fieldLabels: {
    'involvedObject.kind': (object) => object.involvedObject?.kind ?? '',
    'involvedObject.namespace': (object) => object.involvedObject?.namespace ?? '',
    'involvedObject.name': (object) => object.involvedObject?.name ?? '',
    'involvedObject.uid': (object) => object.involvedObject?.uid ?? '',
    'involvedObject.apiVersion': (object) => object.involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': (object) => object.involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': (object) => object.involvedObject?.fieldPath ?? '',
    reason: (object) => object.reason ?? '',
    reportingComponent: (object) => object.reportingComponent ?? '',
    source: sourceComponent,
    type: (object) => object.type ?? '',
  },
  indexed: ['field:involvedObject.uid', 'field:involvedObject.name'],
  table: {
    columns: [
      column('Last Seen', 'When it happened last.'),
      column('Type', 'Normal or Warning.'),
      column('Reason', 'Why, as one word for machines.'),
      column('Object', 'What it is about.'),
      wideColumn('Subobject', 'The part of the object that it is about.'),
      wideColumn('Source', 'Who reports it.'),
      column('Message', 'What happened, for people.'),
      wideColumn('First Seen', 'When it happened first.'),
      wideColumn('Count', 'How often it happened.'),
      { ...nameColumn, priority: 1 },
    ],
    cells,
  },
});
