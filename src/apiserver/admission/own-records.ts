import { forbidden, resources } from '../../api/index.ts';
import type { Admission } from '../kind.ts';
import { isA } from './concerns.ts';

/** Who Rondo itself acts as: its controllers, and its API server (for what expires). */
const own: ReadonlySet<string> = new Set(['system:rondo', 'system:apiserver']);

/** History is written by Rondo alone: others may read it. */
export const ownRecords: Admission = {
  name: 'OwnRecords',
  concerns: ({ resource }) => isA(resource, resources.tickRecords),
  admit: ({ kind, user, name }) => {
    if (own.has(user.name)) return;
    throw forbidden(kind.resource, name, 'tick records are written by Rondo itself and can only be read');
  },
};
