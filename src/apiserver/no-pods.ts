import { badRequest } from '../api/index.ts';
import type { PodStreams } from './operations.ts';

/** Of an API server beside which no Pods run. */
export const noPods: PodStreams = { log: refuse, exec: refuse, attach: refuse, portForward: refuse };

function refuse(): never {
  throw badRequest('no Pods run here');
}
