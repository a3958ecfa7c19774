import { badRequest, fieldError, type FieldError, type LocalSubjectAccessReview } from '../../api/index.ts';
import { defineReview } from '../review.ts';
import {
  accessStatus,
  asUser,
  authorizationGroup,
  metadataErrors,
  questionErrors,
  refuseErrors,
  subjectErrors,
} from './access-review.ts';

/** May somebody, in this namespace? Whoever administers a namespace may ask that, and nothing about others. */
export const localSubjectAccessReview = defineReview<LocalSubjectAccessReview>({
  resource: {
    ...authorizationGroup,
    resource: 'localsubjectaccessreviews',
    kind: 'LocalSubjectAccessReview',
    namespaced: true,
  },
  singular: 'localsubjectaccessreview',
  answer: (question, { authorizer, namespace }) => {
    const { spec, metadata } = question;
    if (metadata.namespace !== undefined && metadata.namespace !== namespace)
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    const errors = [...questionErrors(spec), ...subjectErrors(spec), ...metadataErrors(metadata, 'namespace')];
    refuseErrors('LocalSubjectAccessReview', [...errors, ...localErrors(spec, namespace)]);
    const status = accessStatus(spec, { user: asUser(spec), authorizer });
    return { ...question, metadata: { ...metadata, ...(namespace !== undefined && { namespace }) }, status };
  },
});

function localErrors(
  { resourceAttributes, nonResourceAttributes }: LocalSubjectAccessReview['spec'],
  namespace: string | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  if (resourceAttributes !== undefined && resourceAttributes.namespace !== namespace) {
    const path = 'spec.resourceAttributes.namespace';
    errors.push(fieldError.invalid(path, resourceAttributes.namespace ?? '', 'must match metadata.namespace'));
  }
  if (nonResourceAttributes !== undefined) {
    const detail = 'disallowed on this kind of request';
    errors.push(fieldError.invalid('spec.nonResourceAttributes', nonResourceAttributes, detail));
  }
  return errors;
}
