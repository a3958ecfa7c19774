import type { KubeObject } from '../../api/index.ts';
import type { AnswerForm } from './accept.ts';

/** meta/v1 PartialObjectMetadata: the object without spec and status. */
export function partialObject(object: KubeObject, form: AnswerForm): string {
  const apiVersion = `meta.k8s.io/${form.version}`;
  return JSON.stringify({ kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata });
}
