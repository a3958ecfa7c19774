/** Images as directories of this machine: pulled, unpacked and kept by somebody else than the runtimes. */
export interface ImageService {
  /**
   * Makes an image available; at once if it is there and the policy allows.
   * @throws RuntimeError ErrImagePull, ErrImageNeverPull, InvalidImageName
   */
  ensure(request: ImageRequest): Promise<ResolvedImage>;
}

export interface ImageRequest {
  /** As in the container. */
  readonly image: string;
  /** `Always`, `IfNotPresent`, `Never`. */
  readonly policy: string;
  /** Contents of `.dockerconfigjson` of the Pod's imagePullSecrets. */
  readonly secrets: readonly string[];
}

export interface ResolvedImage {
  /** `sha256:…` of the configuration. */
  readonly id: string;
  /** `docker.io/library/busybox@sha256:…`; missing for images that were loaded from a file. */
  readonly repoDigest?: string | undefined;
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
