// Kubernetes vocabulary: types and field tables of our kinds, and pure helpers on them. Promises: no input or output,
// no clock (time is an argument). Must not know who uses it. Helpers live with their subject, one file each.
export type * from './generated/types.ts';
export { messages } from './generated/fields.ts';
export { descriptions } from './generated/descriptions.ts';
export type { FieldEntry, MessageEntry, MessageTable } from './field-table.ts';
export * from './object.ts';
export * from './resource.ts';
export * from './status.ts';
export * from './field-error.ts';
export * from './names.ts';
export * from './time.ts';
export * from './quantity.ts';
export * from './label-selector.ts';
export * from './field-selector.ts';
export * from './owner.ts';
export * from './conditions.ts';
export * from './pod.ts';
export * from './host-ports.ts';
export * from './node-selection.ts';
export * from './priority.ts';
export * from './amounts.ts';
export * from './job.ts';
export * from './service-account.ts';
export * from './storage.ts';
export * from './indexes.ts';
export { goPrinted } from './decode-wording.ts';
export * from './decode.ts';
export * from './duplicate-fields.ts';
export * from './yaml.ts';
export {
  formatDocumentPath,
  parseDocumentPath,
  parseLocatedYaml,
  type DocumentPath,
  type LocatedDocument,
} from './yaml-lines.ts';
export { mergePatch } from './patch-merge.ts';
export * from './patch-json.ts';
export * from './patch-strategic.ts';
export * from './protobuf.ts';
export * from './apply/index.ts';
