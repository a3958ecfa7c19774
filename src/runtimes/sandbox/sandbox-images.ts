import { existsSync } from 'node:fs';
import type { Container } from '../../api/index.ts';
import type {
  HeldImage,
  ImageKeep,
  ImageRequest,
  ImageService,
  PulledImage,
  ResolvedImage,
  RuntimeImages,
} from '../image-service.ts';
import type { RootSource } from './plan-container.ts';

/** The images of the sandbox: remembers what it was given, so that a start need not look for it again. */
export class SandboxImages implements RuntimeImages {
  readonly needs: (container: Container) => boolean;
  readonly keep: ImageKeep;
  readonly #service: ImageService;
  readonly #roots = new Map<string, RootSource>();

  constructor(service: ImageService, needs: (container: Container) => boolean) {
    this.#service = service;
    this.needs = needs;
    this.keep = service.keep;
  }

  async find(request: ImageRequest): Promise<HeldImage | undefined> {
    const found = await this.#service.find(request);
    return found === undefined ? undefined : this.#remember(found);
  }

  async pull(request: ImageRequest, signal: AbortSignal): Promise<PulledImage> {
    return this.#remember(await this.#service.pull(request, signal));
  }

  /** What a container's root is made of, of an image that was found or pulled here; undefined if it is gone again. */
  rootOf({ id }: HeldImage): RootSource | undefined {
    const root = this.#roots.get(id);
    return root?.layers.every((layer) => existsSync(layer)) === true ? root : undefined;
  }

  #remember<Image extends ResolvedImage>(image: Image): Image {
    this.#roots.set(image.id, { layers: image.layers, config: image.config, isHost: false });
    return image;
  }
}
