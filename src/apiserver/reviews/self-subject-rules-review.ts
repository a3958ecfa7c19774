import {
  badRequest,
  type PolicyRule,
  type SelfSubjectRulesReview,
  type SubjectRulesReviewStatus,
} from '../../api/index.ts';
import { joined } from '../authorization/index.ts';
import { defineReview } from '../review.ts';
import { authorizationGroup } from './access-review.ts';

/** What may I do here? What `kubectl auth can-i --list` asks. */
export const selfSubjectRulesReview = defineReview<SelfSubjectRulesReview>({
  resource: {
    ...authorizationGroup,
    resource: 'selfsubjectrulesreviews',
    kind: 'SelfSubjectRulesReview',
    namespaced: false,
  },
  singular: 'selfsubjectrulesreview',
  answer: (question, { user, authorizer }) => {
    const { namespace = '' } = question.spec;
    if (namespace === '') throw badRequest('no namespace on request');
    const { rules, errors } = authorizer.rulesFor(user, namespace);
    const status: SubjectRulesReviewStatus = {
      resourceRules: rules.filter(({ resources }) => isFilled(resources)).map(resourceRule),
      nonResourceRules: rules.filter(({ nonResourceURLs }) => isFilled(nonResourceURLs)).map(urlRule),
      incomplete: false,
      ...(errors.length > 0 && { evaluationError: joined(errors) }),
    };
    return { ...question, spec: {}, status };
  },
});

function isFilled(list: readonly string[] | undefined): boolean {
  return list !== undefined && list.length > 0;
}

function resourceRule({
  verbs,
  apiGroups,
  resources,
  resourceNames,
}: PolicyRule): SubjectRulesReviewStatus['resourceRules'][number] {
  return { verbs, apiGroups, resources, resourceNames };
}

function urlRule({ verbs, nonResourceURLs }: PolicyRule): SubjectRulesReviewStatus['nonResourceRules'][number] {
  return { verbs, nonResourceURLs };
}
