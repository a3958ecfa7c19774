import type { Clock } from '../../clock/index.ts';
import { parseReference } from '../image-reference.ts';
import type { HeldImage, ImageRequest, PulledImage, RuntimeImages } from '../image-service.ts';
import { credentialsFor, type Credentials } from '../registry-credentials.ts';
import { RuntimeError } from '../runtime.ts';
import { SharedWork } from '../shared-work.ts';
import { unlessGone, type ContainerRuntime } from './container-runtime.ts';
import type { image as imageMessage } from './protocol/images.ts';
import type { Received } from './protocol/message.ts';
import { methods } from './protocol/methods.ts';
import type { ImageUser } from './security.ts';

export interface CriImagesOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  /** Called before anything is asked. @throws (rejects) Error if nobody is there */
  readonly connect: () => Promise<void>;
}

/** The images that a container runtime keeps. */
export class CriImages implements RuntimeImages {
  readonly #options: CriImagesOptions;
  readonly #pulls = new SharedWork<PulledImage>();
  /** Who their containers run as, by id. */
  readonly #users = new Map<string, ImageUser>();

  constructor(options: CriImagesOptions) {
    this.#options = options;
  }

  needs(): boolean {
    return true;
  }

  async find({ image }: Pick<ImageRequest, 'image'>): Promise<HeldImage | undefined> {
    parseReference(image);
    return this.#ask(image);
  }

  pull({ image, secrets }: ImageRequest, signal: AbortSignal): Promise<PulledImage> {
    const credentials = credentialsFor(parseReference(image), secrets);
    const key = JSON.stringify([image, credentials]);
    return this.#pulls.join(key, signal, (shared) => this.#pull(image, credentials, shared));
  }

  /** @throws (rejects) RuntimeError ErrImagePull if it was removed meanwhile */
  async userOf({ id }: HeldImage): Promise<ImageUser> {
    if (!this.#users.has(id)) await this.#ask(id);
    const user = this.#users.get(id);
    if (user === undefined) throw new RuntimeError('ErrImagePull', `the image ${id} is not here any more`);
    return user;
  }

  /** With one credentials after the other, as a kubelet does: why a runtime failed is told in words only. */
  async #pull(image: string, found: readonly Credentials[], signal: AbortSignal): Promise<PulledImage> {
    const { runtime, clock, connect } = this.#options;
    const startedMs = clock.monotonic();
    const problems = new Set<string>();
    let cause: unknown;
    for (const auth of found.length === 0 ? [undefined] : found) {
      const request = { image: { image }, ...(auth === undefined ? {} : { auth: { auth } }) };
      try {
        await connect();
        // As long as it takes.
        const { imageRef } = await runtime.call(methods.pullImage, request, { signal });
        const pulled = (await this.#ask(image)) ?? (await this.#ask(imageRef));
        if (pulled === undefined) throw new Error(`image ${JSON.stringify(image)} was pulled, but is not there`);
        return { ...pulled, tookMs: clock.monotonic() - startedMs };
      } catch (error) {
        signal.throwIfAborted();
        cause = error;
        problems.add((error as Error).message);
      }
    }
    const message = problems.size === 1 ? [...problems][0]! : `[${[...problems].join(', ')}]`;
    throw new RuntimeError('ErrImagePull', message, { cause });
  }

  async #ask(image: string): Promise<(HeldImage & { readonly sizeBytes: number }) | undefined> {
    const { runtime, connect } = this.#options;
    try {
      await connect();
      const answer = await unlessGone(runtime.call(methods.imageStatus, { image: { image } }));
      return answer?.image === undefined ? undefined : this.#remember(answer.image);
    } catch (error) {
      throw new RuntimeError('ImageInspectError', `Failed to inspect image: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  #remember({ id, repoDigests, size, uid, username }: Received<typeof imageMessage>) {
    this.#users.set(id, { uid, username });
    return { id, ref: repoDigests[0] ?? id, sizeBytes: size };
  }
}
