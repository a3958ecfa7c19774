import {
  fieldError,
  invalid,
  type FieldError,
  type FieldSelectorRequirement,
  type KubeObject,
  type NonResourceAttributes,
  type ResourceAttributes,
  type SubjectAccessReviewStatus,
} from '../../api/index.ts';
import type { Attributes, Authorizer } from '../authorization/index.ts';
import type { UserInfo } from '../kind.ts';

export const authorizationGroup = { group: 'authorization.k8s.io', version: 'v1' } as const;

/** What access reviews ask about. */
export interface AccessQuestion {
  readonly resourceAttributes?: ResourceAttributes | undefined;
  readonly nonResourceAttributes?: NonResourceAttributes | undefined;
}

export interface AccessSubject {
  readonly user?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly uid?: string | undefined;
}

/** Upstream: authorization validation `ValidateSelfSubjectAccessReviewSpec`. */
export function questionErrors({ resourceAttributes, nonResourceAttributes }: AccessQuestion): FieldError[] {
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    const detail = 'cannot be specified in combination with resourceAttributes';
    return [fieldError.invalid('spec.nonResourceAttributes', nonResourceAttributes, detail)];
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    return [fieldError.invalid('spec.resourceAttributes', undefined, detail)];
  }
  return selectorErrors(resourceAttributes);
}

/**
 * Roles know no selectors: they are checked (upstream: `validateFieldSelectorAttributes`), and then count for nothing, which
 * can only make the answer stricter. Operators may be of a newer client.
 */
function selectorErrors(attributes: ResourceAttributes | undefined): FieldError[] {
  return (['fieldSelector', 'labelSelector'] as const).flatMap((name) => {
    const selector = attributes?.[name];
    if (selector === undefined) return [];
    const path = `spec.resourceAttributes.${name}`;
    const { rawSelector = '', requirements = [] } = selector;
    const errors: FieldError[] = [];
    if (rawSelector !== '' && requirements.length > 0) {
      const detail = 'may not specified at the same time as requirements';
      errors.push(fieldError.invalid(`${path}.rawSelector`, rawSelector, detail));
    }
    if (rawSelector === '' && requirements.length === 0) {
      const detail = `when ${path} is specified, requirements or rawSelector is required`;
      errors.push(fieldError.required(`${path}.requirements`, detail));
    }
    return [...errors, ...requirements.flatMap((one, at) => requirementErrors(one, `${path}.requirements[${at}]`))];
  });
}

function requirementErrors({ key, operator, values = [] }: FieldSelectorRequirement, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!key) errors.push(fieldError.required(`${path}.key`, 'must be specified'));
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
    errors.push(fieldError.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
    const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    errors.push(fieldError.forbidden(`${path}.values`, detail));
  }
  return errors;
}

/** Upstream: `ValidateSubjectAccessReviewSpec`. */
export function subjectErrors({ user = '', groups = [] }: AccessSubject): FieldError[] {
  if (user !== '' || groups.length > 0) return [];
  return [fieldError.invalid('spec.user', user, 'at least one of user or group must be specified')];
}

/** Reviews have no names, and nothing of that sort (but the namespace that some are in). */
export function metadataErrors(metadata: KubeObject['metadata'], allowed?: 'namespace'): FieldError[] {
  const given = Object.entries(metadata).filter(([key, value]) => value !== undefined && key !== 'managedFields');
  if (given.every(([key]) => key === allowed)) return [];
  return [
    fieldError.invalid('metadata', metadata, `must be empty${allowed === undefined ? '' : ' except for namespace'}`),
  ];
}

/** @throws ApiError 422 */
export function refuseErrors(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: authorizationGroup.group, kind }, '', errors);
}

/** The answer to a question without faults. */
export function accessStatus(
  question: AccessQuestion,
  { user, authorizer }: { readonly user: UserInfo; readonly authorizer: Authorizer },
): SubjectAccessReviewStatus {
  const { allowed, reason } = authorizer.decide(user, attributesOf(question));
  return { allowed, ...(reason !== undefined && { reason }) };
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: AccessQuestion): Attributes {
  if (resourceAttributes === undefined) {
    const { verb = '', path = '' } = nonResourceAttributes ?? {};
    return { verb, path };
  }
  const { verb = '', group = '', resource = '', subresource, namespace, name } = resourceAttributes;
  const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
  return {
    verb,
    path: '',
    resource: {
      group,
      resource,
      subresource: given(subresource),
      namespace: given(namespace),
      name: given(name),
    },
  };
}

/** Exactly as it is told: groups that every user has are not added. */
export function asUser({ user = '', groups = [], extra, uid }: AccessSubject): UserInfo {
  return { name: user, groups, ...(uid !== undefined && { uid }), ...(extra !== undefined && { extra }) };
}
