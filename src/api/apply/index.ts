// Server-side apply on plain data: who owns which fields, what a write makes of that, and what an apply makes of the
// object (structured-merge-diff and apimachinery's managedfields, on the field table). Pure.
export {
  shapeOfMessage,
  type ListShape,
  type MapShape,
  type ScalarShape,
  type Shape,
  type ShapedField,
  type StructShape,
} from './shape.ts';
export * from './field-set.ts';
export { asStructs, written, type View } from './view.ts';
export { compareObjects, type Comparison } from './compare.ts';
export { fieldsOf } from './fields-of.ts';
export * from './managers.ts';
export { managersAfterUpdate, unownedFields, type Writer } from './update-managers.ts';
export { applyConfiguration, checkConfiguration } from './apply-configuration.ts';
export type { Application, Applied } from './apply-once.ts';
export { lastAppliedAnnotation, lastAppliedOf } from './last-applied.ts';
