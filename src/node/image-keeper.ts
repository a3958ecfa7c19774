import type { Pod } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { EventRecorder } from '../controlloop/index.ts';
import type { Logger } from '../log/index.ts';
import { RuntimeError, type HeldImage, type ImageRequest, type RuntimeImages } from '../runtimes/index.ts';
import type { ContainerView, Waiting } from './container-view.ts';
import type { ContainerSources } from './environment.ts';
import { ImageBackoff } from './image-backoff.ts';
import { createImageReports, neverPulledMessage, type ImageReports, type ImageSubject } from './image-reports.ts';
import { pullSecretsOf } from './pull-secrets.ts';

export interface ImageKeeperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: EventRecorder;
  /** A pull for this Pod has ended: look at it again. */
  readonly wake: (podUid: string) => void;
  /** A container is about to start from this image. */
  readonly onUse: (imageId: string) => void;
}

/** A container that is about to start. */
export interface ImageNeed {
  readonly pod: Pod;
  readonly view: Pick<ContainerView, 'container'>;
  /** Of the Pod's runtime. */
  readonly images: RuntimeImages | undefined;
  readonly sources: Pick<ContainerSources, 'secret'>;
}

/** `pulling`: ask again when the pull has ended. */
export type ImageAnswer =
  | { readonly type: 'ready'; readonly image: HeldImage | undefined }
  | { readonly type: 'pulling' }
  | { readonly type: 'waiting'; readonly waiting: Waiting };

interface Pull {
  readonly image: string;
  readonly controller: AbortController;
  /** Set when it has ended: what it gave, or why it failed. */
  outcome: HeldImage | RuntimeError | undefined;
}

/** What is known of one Pod: its pulls by container, and its back-off by image. */
interface PodImages {
  readonly pulls: Map<string, Pull>;
  readonly backoff: ImageBackoff;
}

/** How soon after a failed pull its container is looked at again: the kubelet does when it hears of the sandbox. */
const secondLookMs = 1000;
/** How soon after an error before any pull (kubelet: `backOffPeriod`). */
const retryMs = 10_000;

/**
 * Sees to the images of containers that are about to start: asks whether they are here, and has them pulled where they are
 * not. Nobody waits for a pull: whoever asked is woken when it has ended. Back-off, states and Events are those of
 * upstream's `pkg/kubelet/images/image_manager.go`.
 */
export class ImageKeeper {
  readonly #options: ImageKeeperOptions;
  readonly #reports: ImageReports;
  /** By uid; only Pods for which something was pulled. */
  readonly #pods = new Map<string, PodImages>();
  readonly #underWay = new Set<Promise<void>>();
  /** Pod uid to container to image id. */
  readonly #given = new Map<string, Map<string, string>>();

  constructor(options: ImageKeeperOptions) {
    this.#options = options;
    this.#reports = createImageReports(options.recorder);
  }

  /** The image for a start that is due. What was pulled is given once: the policy counts again for the next start. */
  async ensure(need: ImageNeed): Promise<ImageAnswer> {
    const { pod, view, images, sources } = need;
    const { name, image = '' } = view.container;
    if (images?.needs(view.container) !== true) return { type: 'ready', image: undefined };
    const pull = this.#pods.get(pod.metadata.uid)?.pulls.get(name);
    if (pull?.image === image) return this.#answerOf(need, pull);
    pull?.controller.abort(unwanted());
    try {
      const request = { image, secrets: await pullSecretsOf(pod, sources) };
      const policy = policyOf(view);
      // With Always the name is at least checked.
      const found = await images.find(request);
      if (found !== undefined && policy !== 'Always') {
        this.#reports.present(need);
        return this.#give(need, found);
      }
      return policy === 'Never' ? this.#neverPulled(need) : this.#pullUnlessTooSoon(need, images, request);
    } catch (error) {
      if (error instanceof RuntimeError) return this.#badName(need, error);
      throw error;
    }
  }

  /** A pull failed that is a runtime's own, which fetches images while it starts containers. */
  failed(subject: ImageSubject, error: RuntimeError): Waiting {
    const { pod, view } = subject;
    const untilMs = this.#imagesOf(pod).backoff.untilMs(view.container.image ?? '', this.#options.clock.now());
    if (untilMs !== undefined) return this.#backedOff(subject, untilMs);
    this.#pullFailed(subject, error);
    return this.#firstLook(error);
  }

  /** Nothing of this Pod will be started any more. */
  forget(podUid: string): void {
    for (const { controller } of this.#pods.get(podUid)?.pulls.values() ?? []) controller.abort(unwanted());
    this.#pods.delete(podUid);
    this.#given.delete(podUid);
  }

  /** Ids of the images that were given to containers of Pods that are not over. */
  given(): readonly string[] {
    return [...this.#given.values()].flatMap((ids) => [...ids.values()]);
  }

  /** Resolves when nothing is being pulled any more. */
  async stop(): Promise<void> {
    for (const uid of [...this.#pods.keys()]) this.forget(uid);
    await Promise.all(this.#underWay);
  }

  #imagesOf({ metadata: { uid } }: Pod): PodImages {
    let images = this.#pods.get(uid);
    if (images === undefined) this.#pods.set(uid, (images = { pulls: new Map(), backoff: new ImageBackoff() }));
    return images;
  }

  #answerOf({ pod, view }: ImageNeed, { outcome }: Pull): ImageAnswer {
    if (outcome === undefined) return { type: 'pulling' };
    this.#imagesOf(pod).pulls.delete(view.container.name);
    return outcome instanceof RuntimeError
      ? { type: 'waiting', waiting: this.#firstLook(outcome) }
      : this.#give({ pod, view }, outcome);
  }

  #give({ pod, view }: ImageSubject, image: HeldImage): ImageAnswer {
    const given = this.#given.get(pod.metadata.uid) ?? new Map<string, string>();
    this.#given.set(pod.metadata.uid, given.set(view.container.name, image.id));
    this.#options.onUse(image.id);
    return { type: 'ready', image };
  }

  #pullUnlessTooSoon(need: ImageNeed, images: RuntimeImages, request: ImageRequest): ImageAnswer {
    const { pod, view } = need;
    const { clock } = this.#options;
    const { pulls, backoff } = this.#imagesOf(pod);
    const untilMs = backoff.untilMs(request.image, clock.now());
    if (untilMs !== undefined) return { type: 'waiting', waiting: this.#backedOff(need, untilMs) };
    const pull: Pull = { image: request.image, controller: new AbortController(), outcome: undefined };
    pulls.set(view.container.name, pull);
    this.#reports.pulling(need);
    const underWay = this.#pull(need, pull, () => images.pull(request, pull.controller.signal)).finally(() =>
      this.#underWay.delete(underWay),
    );
    this.#underWay.add(underWay);
    return { type: 'pulling' };
  }

  async #pull(subject: ImageSubject, pull: Pull, run: () => ReturnType<RuntimeImages['pull']>): Promise<void> {
    const { clock, log, wake } = this.#options;
    const startedMs = clock.monotonic();
    try {
      const pulled = await run();
      if (pull.controller.signal.aborted) return;
      this.#reports.pulled(subject, pulled, clock.monotonic() - startedMs);
      pull.outcome = pulled;
    } catch (error) {
      if (pull.controller.signal.aborted) return;
      if (!(error instanceof RuntimeError)) log.error('image pull broke', { image: pull.image, error });
      const reason = error instanceof RuntimeError ? error : new RuntimeError('ErrImagePull', String(error));
      this.#pullFailed(subject, reason);
      pull.outcome = reason;
    }
    wake(subject.pod.metadata.uid);
  }

  #pullFailed(subject: ImageSubject, error: RuntimeError): void {
    const { pod, view } = subject;
    const { backoff } = this.#imagesOf(pod);
    this.#reports.pullFailed(subject, error.message);
    this.#reports.startFailed(subject, error.reason);
    backoff.failed(view.container.image ?? '', `${error.reason}: ${error.message}`, this.#options.clock.now());
  }

  #firstLook({ reason, message }: RuntimeError): Waiting {
    return { reason, message, retryAtMs: this.#options.clock.now() + secondLookMs };
  }

  #backedOff(subject: ImageSubject, untilMs: number): Waiting {
    const { pod, view } = subject;
    const { image = '' } = view.container;
    const reason = 'ImagePullBackOff';
    this.#reports.backingOff(subject);
    this.#reports.startFailed(subject, reason);
    const why = this.#imagesOf(pod).backoff.lastMessage(image);
    return { reason, message: `Back-off pulling image ${JSON.stringify(image)}: ${why}`, retryAtMs: untilMs };
  }

  #neverPulled(subject: ImageSubject): ImageAnswer {
    this.#reports.neverPulled(subject);
    return this.#refused(subject, {
      reason: 'ErrImageNeverPull',
      message: neverPulledMessage(JSON.stringify(subject.view.container.image ?? '')),
    });
  }

  #badName(subject: ImageSubject, error: RuntimeError): ImageAnswer {
    if (error.reason === 'InvalidImageName') this.#reports.badName(subject, error.message);
    return this.#refused(subject, error);
  }

  /** Nothing was pulled; it may have changed when the next look is due. */
  #refused(subject: ImageSubject, { reason, message }: Pick<RuntimeError, 'reason' | 'message'>): ImageAnswer {
    this.#reports.startFailed(subject, reason);
    return { type: 'waiting', waiting: { reason, message, retryAtMs: this.#options.clock.now() + retryMs } };
  }
}

/** The API server has filled it in, by the tag; for whoever comes another way, its rule for images with a tag. */
function policyOf({ container }: Pick<ContainerView, 'container'>): string {
  return container.imagePullPolicy ?? 'IfNotPresent';
}

function unwanted(): Error {
  return new DOMException('nobody wants the image any more', 'AbortError');
}
