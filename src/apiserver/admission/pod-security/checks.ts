import type { Container, PodSpec, SecurityContext } from '../../../api/index.ts';

/** What is wrong, as upstream words it: `reason (detail)`. */
export interface Violation {
  readonly reason: string;
  readonly detail?: string;
}

export interface PodToCheck {
  readonly spec: PodSpec;
  /** All of them, init and ephemeral ones too, in upstream's order. */
  readonly containers: readonly Container[];
}

export type Check = (pod: PodToCheck) => Violation | undefined;

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ');
const some = (what: string, names: readonly string[]): string =>
  `${what}${names.length === 1 ? '' : 's'} ${quoted(names)}`;

/** The containers that are not as they should be, named, and what holds for them; undefined: there are none. */
function offenders({ containers }: PodToCheck, isBad: (context: SecurityContext, container: Container) => boolean) {
  const bad = containers.filter((container) => isBad(container.securityContext ?? {}, container));
  return bad.length === 0
    ? undefined
    : some(
        'container',
        bad.map(({ name }) => name),
      );
}

/** Joins those who say something forbidden: the Pod itself, containers, or both. */
function setters(...found: readonly (string | undefined | false)[]): string {
  return found.filter((one) => typeof one === 'string').join(' and ');
}

const hostNamespaces: Check = ({ spec }) => {
  const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name] === true);
  if (used.length === 0) return undefined;
  return { reason: 'host namespaces', detail: used.map((name) => `${name}=true`).join(', ') };
};

const privileged: Check = (pod) => {
  const bad = offenders(pod, (context) => context.privileged === true);
  if (bad === undefined) return undefined;
  return { reason: 'privileged', detail: `${bad} must not set securityContext.privileged=true` };
};

const defaultCapabilities = new Set([
  ...['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE'],
  ...['SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'],
]);

const baselineCapabilities: Check = (pod) => {
  const added = (context: SecurityContext): readonly string[] =>
    (context.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));
  const bad = offenders(pod, (context) => added(context).length > 0);
  if (bad === undefined) return undefined;
  const all = [...new Set(pod.containers.flatMap((container) => added(container.securityContext ?? {})))].toSorted();
  const detail = `${bad} must not include ${quoted(all)} in securityContext.capabilities.add`;
  return { reason: 'non-default capabilities', detail };
};

const hostPathVolumes: Check = ({ spec }) => {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  return names.length === 0 ? undefined : { reason: 'hostPath volumes', detail: some('volume', names) };
};

const hostPorts: Check = (pod) => {
  const ports = (container: Container): readonly number[] =>
    (container.ports ?? []).flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [hostPort]));
  const bad = pod.containers.filter((container) => ports(container).length > 0);
  if (bad.length === 0) return undefined;
  const used = [...new Set(bad.flatMap(ports))].map(String).toSorted();
  const uses = `${bad.length === 1 ? 'uses' : 'use'} hostPort${used.length === 1 ? '' : 's'}`;
  return {
    reason: 'hostPort',
    detail: `${some(
      'container',
      bad.map(({ name }) => name),
    )} ${uses} ${used.join(', ')}`,
  };
};

const appArmor: Check = (pod) => {
  const isBad = (context: Pick<SecurityContext, 'appArmorProfile'> | undefined): boolean =>
    context?.appArmorProfile?.type === 'Unconfined';
  const who = setters(isBad(pod.spec.securityContext) && 'pod', offenders(pod, isBad));
  if (who === '') return undefined;
  const detail = `${who} must not set AppArmor profile type to "Unconfined"`;
  return { reason: 'forbidden AppArmor profile', detail };
};

const seLinuxTypes = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']);

const seLinux: Check = (pod) => {
  type Options = SecurityContext['seLinuxOptions'];
  const isBad = (options: Options): boolean =>
    options !== undefined && (!seLinuxTypes.has(options.type ?? '') || !!options.user || !!options.role);
  const own = pod.spec.securityContext?.seLinuxOptions;
  const who = setters(
    isBad(own) && 'pod',
    offenders(pod, ({ seLinuxOptions }) => isBad(seLinuxOptions)),
  );
  if (who === '') return undefined;
  const all = [own, ...pod.containers.map((container) => container.securityContext?.seLinuxOptions)];
  const types = [...new Set(all.map((options) => options?.type ?? ''))].filter((type) => !seLinuxTypes.has(type));
  const data = [
    ...(types.length === 0 ? [] : [some('type', types.toSorted())]),
    ...(all.some((options) => options?.user) ? ['user may not be set'] : []),
    ...(all.some((options) => options?.role) ? ['role may not be set'] : []),
  ];
  return {
    reason: 'seLinuxOptions',
    detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
  };
};

const procMount: Check = (pod) => {
  const isBad = (mount: string | undefined): boolean => mount !== undefined && mount !== 'Default';
  const bad = offenders(pod, (context) => isBad(context.procMount));
  if (bad === undefined) return undefined;
  const mounts = [...new Set(pod.containers.map((container) => container.securityContext?.procMount ?? ''))].filter(
    (mount) => mount !== '' && isBad(mount),
  );
  return {
    reason: 'procMount',
    detail: `${bad} must not set securityContext.procMount to ${quoted(mounts.toSorted())}`,
  };
};

const seccompUnconfined: Check = (pod) => {
  const isBad = (context: Pick<SecurityContext, 'seccompProfile'> | undefined): boolean =>
    context?.seccompProfile?.type === 'Unconfined';
  const who = setters(isBad(pod.spec.securityContext) && 'pod', offenders(pod, isBad));
  if (who === '') return undefined;
  const detail = `${who} must not set securityContext.seccompProfile.type to "Unconfined"`;
  return { reason: 'seccompProfile', detail };
};

const safeSysctls = new Set([
  ...['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies'],
  ...['net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ip_local_reserved_ports'],
  ...['net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl'],
  ...['net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'],
]);

const sysctls: Check = ({ spec }) => {
  const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !safeSysctls.has(name));
  return names.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: names.join(', ') };
};

const hostProcess: Check = (pod) => {
  const isBad = (context: Pick<SecurityContext, 'windowsOptions'> | undefined): boolean =>
    context?.windowsOptions?.hostProcess === true;
  const who = setters(isBad(pod.spec.securityContext) && 'pod', offenders(pod, isBad));
  if (who === '') return undefined;
  return { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
};

const hostHandlers: Check = (pod) => {
  const bad = pod.containers.filter(({ lifecycle, livenessProbe, readinessProbe, startupProbe }) => {
    const handlers = [lifecycle?.postStart, lifecycle?.preStop, livenessProbe, readinessProbe, startupProbe];
    return handlers.some((handler) => !!handler?.httpGet?.host || !!handler?.tcpSocket?.host);
  });
  if (bad.length === 0) return undefined;
  const hosts = bad.flatMap(({ lifecycle, livenessProbe, readinessProbe, startupProbe }) =>
    [lifecycle?.postStart, lifecycle?.preStop, livenessProbe, readinessProbe, startupProbe].flatMap((handler) =>
      [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host) => !!host),
    ),
  );
  const names = some(
    'container',
    bad.map(({ name }) => name),
  );
  const uses = `${bad.length === 1 ? 'uses' : 'use'} probe or lifecycle host${hosts.length === 1 ? '' : 's'}`;
  return { reason: 'probe or lifecycle host', detail: `${names} ${uses} ${quoted(hosts.map(String).toSorted())}` };
};

const allowPrivilegeEscalation: Check = (pod) => {
  const bad = offenders(pod, (context) => context.allowPrivilegeEscalation !== false);
  if (bad === undefined) return undefined;
  const detail = `${bad} must set securityContext.allowPrivilegeEscalation=false`;
  return { reason: 'allowPrivilegeEscalation != false', detail };
};

const restrictedCapabilities: Check = (pod) => {
  const keeping = offenders(pod, ({ capabilities }) => capabilities?.drop?.includes('ALL') !== true);
  const added = (context: SecurityContext): readonly string[] =>
    (context.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const adding = offenders(pod, (context) => added(context).length > 0);
  const all = [...new Set(pod.containers.flatMap((container) => added(container.securityContext ?? {})))].toSorted();
  const details = [
    ...(keeping === undefined ? [] : [`${keeping} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(adding === undefined ? [] : [`${adding} must not include ${quoted(all)} in securityContext.capabilities.add`]),
  ];
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const allowedVolumes = new Set([
  ...[
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
    'projected',
    'secret',
    'image',
  ],
]);

const restrictedVolumes: Check = ({ spec }) => {
  const bad = (spec.volumes ?? []).flatMap(({ name, ...sources }) => {
    const [type] = Object.entries(sources).flatMap(([key, source]) => (source === undefined ? [] : [key]));
    return type === undefined || allowedVolumes.has(type) ? [] : [{ name, type }];
  });
  if (bad.length === 0) return undefined;
  const types = [...new Set(bad.map(({ type }) => type))].toSorted();
  const uses = `${bad.length === 1 ? 'uses' : 'use'} restricted volume type${types.length === 1 ? '' : 's'}`;
  const detail = `${some(
    'volume',
    bad.map(({ name }) => name),
  )} ${uses} ${quoted(types)}`;
  return { reason: 'restricted volume types', detail };
};

const runAsNonRoot: Check = (pod) => {
  const isSet = pod.spec.securityContext?.runAsNonRoot;
  const saying = offenders(pod, (context) => context.runAsNonRoot === false);
  if (saying !== undefined)
    return { reason: 'runAsNonRoot != true', detail: `${saying} must not set securityContext.runAsNonRoot=false` };
  const silent = offenders(pod, (context) => context.runAsNonRoot === undefined);
  if (silent === undefined || isSet === true) return undefined;
  const who = isSet === false ? 'pod' : `pod or ${silent}`;
  return { reason: 'runAsNonRoot != true', detail: `${who} must set securityContext.runAsNonRoot=true` };
};

const runAsUser: Check = (pod) => {
  const isBad = (context: Pick<SecurityContext, 'runAsUser'> | undefined): boolean => context?.runAsUser === 0;
  const who = setters(isBad(pod.spec.securityContext) && 'pod', offenders(pod, isBad));
  return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

const seccompTypes = ['RuntimeDefault', 'Localhost'];

const restrictedSeccomp: Check = (pod) => {
  const own = pod.spec.securityContext?.seccompProfile?.type;
  const isBad = (type: string | undefined): boolean => type !== undefined && !seccompTypes.includes(type);
  const wanted = 'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"';
  const who = setters(
    isBad(own) && 'pod',
    offenders(pod, ({ seccompProfile }) => isBad(seccompProfile?.type)),
  );
  if (who !== '') return { reason: 'seccompProfile', detail: `${who} must set ${wanted}` };
  const silent = offenders(pod, ({ seccompProfile }) => seccompProfile === undefined);
  if (silent === undefined || own !== undefined) return undefined;
  return { reason: 'seccompProfile', detail: `pod or ${silent} must set ${wanted}` };
};

/** In the order of upstream's names of the checks (pod-security-admission, package policy). */
export const baselineChecks: readonly Check[] = [
  ...[appArmor, baselineCapabilities, hostNamespaces, hostPathVolumes, hostPorts, hostHandlers, privileged],
  ...[procMount, seLinux, seccompUnconfined, sysctls, hostProcess],
];
/** What `restricted` asks in place of the looser checks of `baseline`, and beside the others. */
export const restrictedChecks: readonly Check[] = [
  ...[appArmor, hostNamespaces, hostPathVolumes, hostPorts, hostHandlers, privileged, procMount, seLinux, sysctls],
  ...[hostProcess, allowPrivilegeEscalation, restrictedCapabilities, restrictedVolumes, runAsNonRoot, runAsUser],
  restrictedSeccomp,
];
