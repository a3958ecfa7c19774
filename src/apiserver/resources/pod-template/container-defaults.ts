import type {
  Container,
  ContainerPort,
  EnvVar,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  ObjectFieldSelector,
  Probe,
  ResourceFieldSelector,
} from '../../../api/index.ts';
import { mapList, mapPart, withFields } from './copy-on-write.ts';
import { defaultPullPolicy } from './image-name.ts';
import { canonicalQuantity } from './known-quantities.ts';
import { withResourceDefaults } from './resource-defaults.ts';

/** Upstream: core defaults `SetDefaults_Container` and those of its parts. */
export function withContainerDefaults(container: Container): Container {
  return withFields(container, {
    imagePullPolicy: orDefault(container.imagePullPolicy, defaultPullPolicy(container.image)),
    terminationMessagePath: orDefault(container.terminationMessagePath, '/dev/termination-log'),
    terminationMessagePolicy: orDefault(container.terminationMessagePolicy, 'File'),
    resources: withResourceDefaults(container.resources),
    ports: mapList(container.ports, withPortDefaults),
    env: mapList(container.env, withEnvDefaults),
    livenessProbe: mapPart(container.livenessProbe, withProbeDefaults),
    readinessProbe: mapPart(container.readinessProbe, withProbeDefaults),
    startupProbe: mapPart(container.startupProbe, withProbeDefaults),
    lifecycle: mapPart(container.lifecycle, withLifecycleDefaults),
  });
}

function orDefault(value: string | undefined, otherwise: string): string {
  return value === undefined || value === null || value === '' ? otherwise : value;
}

function withPortDefaults(port: ContainerPort): ContainerPort {
  return withFields(port, { protocol: orDefault(port.protocol, 'TCP') });
}

function withEnvDefaults(variable: EnvVar): EnvVar {
  const from = variable.valueFrom;
  if (from === undefined || from === null) return variable;
  const valueFrom = withFields(from, {
    fieldRef: mapPart(from.fieldRef, withFieldRefDefaults),
    resourceFieldRef: mapPart(from.resourceFieldRef, withResourceFieldRefDefaults),
  });
  return withFields(variable, { valueFrom });
}

export function withFieldRefDefaults(reference: ObjectFieldSelector): ObjectFieldSelector {
  return withFields(reference, { apiVersion: orDefault(reference.apiVersion, 'v1') });
}

/** Upstream serves an absent divisor as `0`, because a quantity is never empty there. */
export function withResourceFieldRefDefaults(reference: ResourceFieldSelector): ResourceFieldSelector {
  const divisor = orDefault(reference.divisor, '0');
  return withFields(reference, { divisor: canonicalQuantity(divisor) });
}

function withProbeDefaults(probe: Probe): Probe {
  return withFields(probe, {
    timeoutSeconds: orNumber(probe.timeoutSeconds, 1),
    periodSeconds: orNumber(probe.periodSeconds, 10),
    successThreshold: orNumber(probe.successThreshold, 1),
    failureThreshold: orNumber(probe.failureThreshold, 3),
    httpGet: mapPart(probe.httpGet, withHttpGetDefaults),
    grpc: mapPart(probe.grpc, (grpc) => withFields(grpc, { service: grpc.service ?? '' })),
  });
}

/** Zero counts as not given. */
function orNumber(value: number | undefined, otherwise: number): number {
  return value === undefined || value === null || value === 0 ? otherwise : value;
}

function withLifecycleDefaults(lifecycle: Lifecycle): Lifecycle {
  return withFields(lifecycle, {
    postStart: mapPart(lifecycle.postStart, withHandlerDefaults),
    preStop: mapPart(lifecycle.preStop, withHandlerDefaults),
  });
}

function withHandlerDefaults(handler: LifecycleHandler): LifecycleHandler {
  return withFields(handler, { httpGet: mapPart(handler.httpGet, withHttpGetDefaults) });
}

function withHttpGetDefaults(action: HTTPGetAction): HTTPGetAction {
  return withFields(action, { path: orDefault(action.path, '/'), scheme: orDefault(action.scheme, 'HTTP') });
}
