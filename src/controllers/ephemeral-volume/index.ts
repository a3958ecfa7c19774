// Claims for the ephemeral volumes of Pods. Promises: one claim per Pod and volume, gone with its Pod. Must not know
// how claims get their volumes.
export { createEphemeralVolumeController } from './controller.ts';
