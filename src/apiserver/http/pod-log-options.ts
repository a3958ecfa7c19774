import { badRequest, containerStatusesOf, fieldError, invalid, type FieldError, type Pod } from '../../api/index.ts';
import type { PodLogOptions } from '../../client/index.ts';
import { flagOf, integerOf, textOf, type Query } from './query.ts';

/** The options of a log request. @throws ApiError 400, 422 */
export function podLogOptionsOf(query: Query, podName: string): PodLogOptions {
  const container = textOf(query, 'container');
  const tailLines = integerOf(query, 'tailLines');
  const sinceSeconds = integerOf(query, 'sinceSeconds');
  const sinceTime = textOf(query, 'sinceTime');
  const limitBytes = integerOf(query, 'limitBytes');
  const errors = [
    ...atLeast('tailLines', tailLines, 0),
    ...atLeast('limitBytes', limitBytes, 1),
    ...atLeast('sinceSeconds', sinceSeconds, 1),
    ...sinceErrors(sinceSeconds, sinceTime),
  ];
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, podName, errors);
  return {
    follow: flagOf(query, 'follow') ?? false,
    previous: flagOf(query, 'previous') ?? false,
    timestamps: flagOf(query, 'timestamps') ?? false,
    ...(container === undefined ? {} : { container }),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

function atLeast(field: string, value: number | undefined, minimum: number): FieldError[] {
  if (value === undefined || value >= minimum) return [];
  const detail = minimum === 0 ? 'must be greater than or equal to 0' : `must be greater than ${minimum - 1}`;
  return [fieldError.invalid(field, value, detail)];
}

function sinceErrors(sinceSeconds: number | undefined, sinceTime: string | undefined): FieldError[] {
  if (sinceTime === undefined) return [];
  if (sinceSeconds !== undefined) {
    return [fieldError.forbidden('sinceSeconds', 'at most one of `sinceTime` or `sinceSeconds` may be specified')];
  }
  return Number.isNaN(Date.parse(sinceTime)) ? [fieldError.invalid('sinceTime', sinceTime, 'must be RFC 3339')] : [];
}

const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container';

/** The container whose log is meant. @throws ApiError 400 with upstream's texts */
export function chooseContainer(pod: Pod, wanted: string | undefined): string {
  const { name, annotations } = pod.metadata;
  const names = (pod.spec?.containers ?? []).map((container) => container.name);
  const initNames = (pod.spec?.initContainers ?? []).map((container) => container.name);
  const ephemeralNames = (pod.spec?.ephemeralContainers ?? []).map((container) => container.name);
  const exists = (one: string): boolean => [names, initNames, ephemeralNames].some((list) => list.includes(one));
  if (wanted !== undefined) {
    if (exists(wanted)) return wanted;
    throw badRequest(`container ${wanted} is not valid for pod ${name}`);
  }
  const preferred = annotations?.[defaultContainerAnnotation];
  if (preferred !== undefined && exists(preferred)) return preferred;
  if (names.length === 1) return names[0] as string;
  const init = initNames.length === 0 ? '' : ` or one of the init containers: [${initNames.join(' ')}]`;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]${init}`);
}

/** Whether there can be a log at all: the rules of the kubelet. @throws ApiError 400 */
export function checkLogExists(pod: Pod, container: string, previous: boolean): void {
  const podName = pod.metadata.name;
  const status = containerStatusesOf(pod).find((one) => one.name === container);
  const hasPrevious = status?.lastState?.terminated != null;
  if (previous) {
    if (hasPrevious) return;
    throw badRequest(`previous terminated container "${container}" in pod "${podName}" not found`);
  }
  const { running, terminated, waiting } = status?.state ?? {};
  if (running != null || terminated != null || hasPrevious) return;
  const reason = waiting?.reason ?? 'ContainerCreating';
  throw badRequest(`container "${container}" in pod "${podName}" is waiting to start: ${reason}`);
}
