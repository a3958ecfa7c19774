import type { Pod } from '../api/index.ts';
import type { EventRecorder } from '../controlloop/index.ts';
import type { PulledImage } from '../runtimes/index.ts';
import { containerFieldPath, type ContainerView } from './container-view.ts';

/** The container whose image it is about. */
export interface ImageSubject {
  readonly pod: Pod;
  readonly view: Pick<ContainerView, 'container'>;
}

type Say = (subject: ImageSubject, ...more: readonly string[]) => void;

/** The Events about images, in the kubelet's words (`pkg/kubelet/images/image_manager.go` of 1.35). */
export interface ImageReports {
  readonly pulling: Say;
  readonly present: Say;
  readonly backingOff: Say;
  /** Why a pull failed. */
  readonly pullFailed: Say;
  /** What keeps the container from its start: a reason, as its waiting state has it. */
  readonly startFailed: Say;
  /** A name that means nothing: the message. */
  readonly badName: Say;
  readonly neverPulled: Say;
  pulled(subject: ImageSubject, image: PulledImage, waitedMs: number): void;
}

export function createImageReports(recorder: EventRecorder): ImageReports {
  const say = (type: 'Normal' | 'Warning', reason: string, text: (image: string, more: string) => string): Say => {
    return (subject, more = '') => {
      const { pod, view } = subject;
      const message = text(JSON.stringify(view.container.image ?? ''), more);
      recorder.event(pod, type, reason, message, { fieldPath: containerFieldPath(pod, view.container.name) });
    };
  };
  return {
    pulling: say('Normal', 'Pulling', (image) => `Pulling image ${image}`),
    present: say(
      'Normal',
      'Pulled',
      (image) => `Container image ${image} already present on machine and can be accessed by the pod`,
    ),
    backingOff: say('Normal', 'BackOff', (image) => `Back-off pulling image ${image}`),
    pullFailed: say('Warning', 'Failed', (image, why) => `Failed to pull image ${image}: ${why}`),
    startFailed: say('Warning', 'Failed', (_image, reason) => `Error: ${reason}`),
    badName: say('Warning', 'InspectFailed', (_image, message) => message),
    neverPulled: say('Warning', 'ErrImageNeverPull', (image) => neverPulledMessage(image)),
    pulled: (subject, { tookMs, sizeBytes }, waitedMs) =>
      say('Normal', 'Pulled', (image) => {
        const times = `${goDuration(tookMs)} (${goDuration(waitedMs)} including waiting)`;
        return `Successfully pulled image ${image} in ${times}. Image size: ${sizeBytes} bytes.`;
      })(subject),
  };
}

/** `image` is in quotes. */
export function neverPulledMessage(image: string): string {
  return `Container image ${image} is not present with pull policy of Never`;
}

/** As Go writes a duration that is cut off to milliseconds: `0s`, `312ms`, `1.21s`, `1m45.457s`, `1h0m2s`. */
export function goDuration(durationMs: number): string {
  const ms = Math.max(0, Math.floor(durationMs));
  if (ms === 0) return '0s';
  if (ms < 1000) return `${ms}ms`;
  const [hours, minutes] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60];
  const seconds = `${(ms % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
