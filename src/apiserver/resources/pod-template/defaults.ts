import type { Container, ContainerPort, EphemeralContainer, PodSpec, PodTemplateSpec } from '../../../api/index.ts';
import { withContainerDefaults } from './container-defaults.ts';
import { mapList, withFields } from './copy-on-write.ts';
import { withRequestsFromLimits } from './resource-defaults.ts';
import { withVolumeDefaults } from './volume-defaults.ts';

/** What every pod spec gets, in Pods and in templates. Upstream: core defaults `SetDefaults_PodSpec`. */
export function withPodSpecDefaults(spec: PodSpec | undefined): PodSpec {
  const given: PodSpec = spec ?? { containers: [] };
  const account = orDefault(given.serviceAccountName, given.serviceAccount ?? '');
  return withFields(given, {
    containers: mapList(given.containers, withContainerDefaults) ?? [],
    initContainers: mapList(given.initContainers, withContainerDefaults),
    ephemeralContainers: mapList(given.ephemeralContainers, withEphemeralDefaults),
    volumes: mapList(given.volumes, withVolumeDefaults),
    restartPolicy: orDefault(given.restartPolicy, 'Always'),
    terminationGracePeriodSeconds: given.terminationGracePeriodSeconds ?? 30,
    dnsPolicy: orDefault(given.dnsPolicy, 'ClusterFirst'),
    schedulerName: orDefault(given.schedulerName, 'default-scheduler'),
    securityContext: given.securityContext ?? emptySecurityContext,
    ...(account === '' ? {} : { serviceAccountName: account, serviceAccount: account }),
  });
}

function withEphemeralDefaults(container: EphemeralContainer): EphemeralContainer {
  return withContainerDefaults(container);
}

const emptySecurityContext = Object.freeze({});

/** What only Pods get, on top of `withPodSpecDefaults`. Upstream: core defaults `SetDefaults_Pod`. */
export function withPodDefaults(spec: PodSpec | undefined): PodSpec {
  const given = withPodSpecDefaults(spec);
  const finish = given.hostNetwork === true ? withHostNetworkDefaults : withRequestsFromLimits;
  return withFields(given, {
    containers: mapList(given.containers, finish) ?? [],
    initContainers: mapList(given.initContainers, finish),
    enableServiceLinks: given.enableServiceLinks ?? true,
  });
}

function withHostNetworkDefaults(container: Container): Container {
  const ports = mapList(container.ports, withHostPort);
  return withFields(withRequestsFromLimits(container), { ports });
}

function withHostPort(port: ContainerPort): ContainerPort {
  return (port.hostPort ?? 0) === 0 ? { ...port, hostPort: port.containerPort } : port;
}

export function withTemplateDefaults(template: PodTemplateSpec | undefined): PodTemplateSpec {
  const given: PodTemplateSpec = template ?? {};
  return withFields(given, { metadata: given.metadata ?? {}, spec: withPodSpecDefaults(given.spec) });
}

function orDefault(value: string | undefined, otherwise: string): string {
  return value === undefined || value === null || value === '' ? otherwise : value;
}
