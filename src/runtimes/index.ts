// The runtime contract. Each runtime (process/, simulated/, …) is a room below with its own door. Promises: see the
// rules at `Runtime`. Must not know any cluster, API server or controller.
export {
  containerIdKey,
  RuntimeError,
  type Admission,
  type Announcement,
  type Capabilities,
  type ContainerId,
  type ContainerRequest,
  type ContainerState,
  type ContainerUsage,
  type EnvEntry,
  type EphemeralBytes,
  type ExecSession,
  type ExitedContainer,
  type FinishedCommand,
  type ReadLogOptions,
  type RunningContainer,
  type Runtime,
  type VolumeContent,
} from './runtime.ts';
export type {
  DiskFigures,
  HeldImage,
  ImageConfig,
  ImageKeep,
  ImageRequest,
  ImageService,
  KeptImage,
  PulledImage,
  ResolvedImage,
  RuntimeImages,
} from './image-service.ts';
