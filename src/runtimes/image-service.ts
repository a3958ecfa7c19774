import type { Container } from '../api/index.ts';

/** The images of a runtime, as the node agent sees them: it asks for them before it starts what needs them. */
export interface RuntimeImages {
  /** False for a container that runs on this machine's own files. */
  needs(container: Container): boolean;
  /**
   * What an image name means here now; undefined: it is not here. Asks nobody but this machine.
   * @throws RuntimeError InvalidImageName
   */
  find(request: ImageRequest): Promise<HeldImage | undefined>;
  /**
   * Fetches what an image name means elsewhere now, or sees that it is what is here. Whoever wants the same at the same
   * time shares one pull; it is given up when the signals of all of them are aborted.
   * @throws RuntimeError ErrImagePull, InvalidImageName; the signal's reason when it is aborted
   */
  pull(request: ImageRequest, signal: AbortSignal): Promise<PulledImage>;
  /** Where images stay; without it nobody but the runtime sees to their going. */
  readonly keep?: ImageKeep | undefined;
}

/** What garbage collection asks of the place where images are kept. */
export interface ImageKeep {
  list(): Promise<readonly KeptImage[]>;
  /**
   * Removes an image with all its names, and what nothing else needs of it. Gives the bytes that became free.
   * @throws Error if a running container has it
   */
  remove(id: string): Promise<number>;
  /** Of the file system that images lie on. */
  disk(): Promise<DiskFigures>;
}

export interface KeptImage {
  readonly id: string;
  readonly names: readonly string[];
  /** Nobody could bring it back: it is not removed unasked. */
  readonly pinned: boolean;
}

export interface DiskFigures {
  readonly capacityBytes: number;
  /** For those without privileges. */
  readonly availableBytes: number;
}

export interface ImageRequest {
  /** As in the container. */
  readonly image: string;
  /** Contents of `.dockerconfigjson` of the Pod's imagePullSecrets. */
  readonly secrets: readonly string[];
}

export interface HeldImage {
  /** `sha256:…` of the configuration. */
  readonly id: string;
  /** For `imageID`: `docker.io/library/busybox@sha256:…`, or the id of an image that was loaded from a file. */
  readonly ref: string;
}

export interface PulledImage extends HeldImage {
  /** Of all that was to be fetched for it, as it lies in the registry. */
  readonly sizeBytes: number;
  /** Without the time in which other pulls went first. */
  readonly tookMs: number;
}

/** Images as directories of this machine: pulled, unpacked and kept by somebody else than the runtimes. */
export interface ImageService extends Omit<RuntimeImages, 'needs'> {
  readonly keep: ImageKeep;
  find(request: ImageRequest): Promise<ResolvedImage | undefined>;
  pull(request: ImageRequest, signal: AbortSignal): Promise<ResolvedImage & PulledImage>;
}

export interface ResolvedImage extends HeldImage {
  /** Absolute directories, lowest first, as an overlay takes them. */
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** `user`, `uid`, `user:group`, `uid:gid` or empty. */
  readonly user: string;
  readonly workingDir: string;
  readonly stopSignal?: string | undefined;
}
