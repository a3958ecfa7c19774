import type { Container, Volume, VolumeDevice, VolumeMount } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';
import { checkDescendingPath, hasBackstep } from './path-rules.ts';

const propagations = ['Bidirectional', 'HostToContainer', 'None'];
const recursions = ['Disabled', 'Enabled', 'IfPossible'];

export type VolumesByName = ReadonlyMap<string, Volume>;

/** Upstream: core validation `ValidateVolumeMounts`. Some paths lack the position there; so they do here. */
export function checkMounts(container: Container, volumes: VolumesByName, path: Path, problems: Problems): void {
  const mounts = listOf(container.volumeMounts);
  const devices = listOf(container.volumeDevices);
  if (mounts.length === 0 && devices.length === 0) return;
  const mountsPath = child(path, 'volumeMounts');
  const taken = new Set<string>();
  for (const [position, mount] of mounts.entries()) {
    const at = item(mountsPath, position);
    checkMount(mount, volumes, at, problems);
    const mountPath = mount.mountPath ?? '';
    if (taken.has(mountPath)) problems.invalid(child(at, 'mountPath'), mountPath, 'must be unique');
    taken.add(mountPath);
    checkAgainstDevices(mount, devices, at, problems);
    checkPropagation(mount, container, mountsPath, problems);
    checkSubPaths(mount, at, mountsPath, problems);
  }
  checkDevices(container, volumes, child(path, 'volumeDevices'), problems);
}

function checkMount(mount: VolumeMount, volumes: VolumesByName, path: Path, problems: Problems): void {
  const name = mount.name ?? '';
  if (name === '') problems.required(child(path, 'name'));
  const volume = volumes.get(name);
  if (volume === undefined) problems.notFound(child(path, 'name'), name);
  if (isUnset(mount.mountPath)) problems.required(child(path, 'mountPath'));
  if (volume?.image === undefined) return;
  for (const field of ['subPath', 'subPathExpr'] as const) {
    const value = mount[field];
    if (!isUnset(value)) problems.invalid(child(path, field), value, 'not allowed in image volume sources');
  }
}

function checkAgainstDevices(
  mount: VolumeMount,
  devices: readonly VolumeDevice[],
  path: Path,
  problems: Problems,
): void {
  for (const device of devices) {
    if (device.name === mount.name) {
      problems.invalid(child(path, 'name'), mount.name, 'must not already exist in volumeDevices');
    }
    if (device.devicePath === mount.mountPath) {
      problems.invalid(child(path, 'mountPath'), mount.mountPath, 'must not already exist as a path in volumeDevices');
    }
  }
}

function checkSubPaths(mount: VolumeMount, path: Path, listPath: Path, problems: Problems): void {
  const { subPath, subPathExpr } = mount;
  if (!isUnset(subPath)) checkDescendingPath(subPath, child(listPath, 'subPath'), problems);
  if (isUnset(subPathExpr)) return;
  if (!isUnset(subPath)) {
    problems.invalid(child(path, 'subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive');
  }
  checkDescendingPath(subPathExpr, child(listPath, 'subPathExpr'), problems);
}

function checkPropagation(mount: VolumeMount, container: Container, listPath: Path, problems: Problems): void {
  const { mountPropagation: propagation, recursiveReadOnly } = mount;
  if (propagation !== undefined) {
    const path = child(listPath, 'mountPropagation');
    if (!propagations.includes(propagation)) problems.notSupported(path, propagation, propagations);
    if (propagation === 'Bidirectional' && container.securityContext?.privileged !== true) {
      problems.forbidden(path, 'Bidirectional mount propagation is available only to privileged containers');
    }
  }
  if (recursiveReadOnly === undefined || recursiveReadOnly === 'Disabled') return;
  const path = child(listPath, 'recursiveReadOnly');
  if (!recursions.includes(recursiveReadOnly)) {
    problems.notSupported(path, recursiveReadOnly, recursions);
    return;
  }
  if (mount.readOnly !== true) problems.forbidden(path, 'may only be specified when readOnly is true');
  if (propagation !== undefined && propagation !== 'None') {
    problems.forbidden(path, 'may only be specified when mountPropagation is None or not specified');
  }
}

/** Upstream: core validation `ValidateVolumeDevices`. */
function checkDevices(container: Container, volumes: VolumesByName, path: Path, problems: Problems): void {
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [position, device] of listOf(container.volumeDevices).entries()) {
    const at = item(path, position);
    checkDevice(device, volumes, at, problems);
    if (names.has(device.name)) problems.invalid(child(at, 'name'), device.name, 'must be unique');
    if (paths.has(device.devicePath)) problems.invalid(child(at, 'devicePath'), device.devicePath, 'must be unique');
    names.add(device.name);
    paths.add(device.devicePath);
  }
}

function checkDevice(device: VolumeDevice, volumes: VolumesByName, path: Path, problems: Problems): void {
  const name = device.name ?? '';
  const devicePath = device.devicePath ?? '';
  if (name === '') problems.required(child(path, 'name'));
  const volume = volumes.get(name);
  if (volume === undefined) problems.notFound(child(path, 'name'), name);
  else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
    const text = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
    problems.invalid(child(path, 'name'), name, text);
  }
  if (devicePath === '') problems.required(child(path, 'devicePath'));
  else if (hasBackstep(devicePath)) {
    problems.invalid(child(path, 'devicePath'), devicePath, "can not contain backsteps ('..')");
  }
}
