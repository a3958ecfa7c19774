/** All capabilities in the kernel's numbering. */
export const capabilityNames: readonly string[] = (
  'chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service ' +
  'net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin ' +
  'sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override ' +
  'mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore'
).split(' ');

/**
 * What a container has that asks for nothing, as containerd gives it; but for MKNOD, which there a device cgroup
 * holds in check.
 */
const defaults: readonly string[] =
  'chown dac_override fsetid fowner net_raw setgid setuid setfcap setpcap net_bind_service sys_chroot kill audit_write'.split(
    ' ',
  );

/** `CAP_NET_ADMIN` and `NET_ADMIN` are the same. */
export function capabilityName(text: string): string {
  return text.toLowerCase().replace(/^cap_/, '');
}

/** The bounding set of a container; `ALL` as in Kubernetes. */
export function boundingSet(add: readonly string[], drop: readonly string[]): readonly string[] {
  const added = add.map(capabilityName);
  const dropped = drop.map(capabilityName);
  const kept = new Set(added.includes('all') ? capabilityNames : dropped.includes('all') ? [] : defaults);
  for (const name of dropped) kept.delete(name);
  for (const name of added) if (name !== 'all') kept.add(name);
  return capabilityNames.filter((name) => kept.has(name));
}

/** As a number in hexadecimal digits. */
export function capabilityMask(names: readonly string[]): string {
  let mask = 0n;
  for (const name of names) mask |= 1n << BigInt(capabilityNames.indexOf(name));
  return mask.toString(16);
}
