// Persistent volumes and their claims. Promises: a volume is bound to one claim at most, and neither vanishes while it
// is used. Must not know how volumes are made or mounted.
export { createPersistentVolumeController } from './controller.ts';
export { createStorageProtectionController } from './protection-controller.ts';
