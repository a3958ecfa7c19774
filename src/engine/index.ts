// The composition root. Promises: starts and stops all rooms in order; the only place, with the command line, where
// the machine's clock and randomness come in. Must not decide anything that a room should.
export { createEngine, type Engine, type EngineOptions } from './engine.ts';
export {
  createRuntime,
  openEngine,
  runtimeNames,
  type OpenEngine,
  type OpenEngineOptions,
  type Rootfs,
  type RuntimeName,
} from './open-engine.ts';
export { parsePodNetwork, type PodNetworkChoice } from '../runtimes/sandbox/index.ts';
export type { AuditChoice } from './audit-log.ts';
export { makeClientRequest } from './client-request.ts';
export { imagesPath, imageTools } from './images.ts';
export { formatDuration, parseDuration } from './duration.ts';
export { statusPath, type EngineStatus } from './status-extension.ts';
export { ticksPath } from './ticks-extension.ts';
export type { TickFate, TickList } from '../controllers/cronjob/index.ts';
export { clockPath, isClockInstant, ServerTime, type ClockMove, type ClockReading } from './virtual-clock.ts';
export {
  createVirtualEngine,
  type ObservedEvent,
  type VirtualEngine,
  type VirtualEngineOptions,
} from './virtual-engine.ts';
export type { ContainerRequest } from '../runtimes/index.ts';
export type { Script } from '../runtimes/simulated/index.ts';
export { defaultDataPath, StartError } from './data-directory.ts';
export { seededRandom, systemClock, systemRandom, type Random } from '../clock/index.ts';
export { backupPath, type BackupPage } from './backup-extension.ts';
export { BackupError, readBackup, writeBackup } from './backup-file.ts';
export { restoreDataDirectory } from './restore.ts';
