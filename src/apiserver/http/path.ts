import { badRequest } from '../../api/index.ts';

/** A path below a group and version, taken apart by upstream's grammar; whether the names exist is not known yet. */
export interface ResourcePath {
  readonly namespace: string | undefined;
  readonly resource: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** The deprecated `/watch/…` form. */
  readonly watch: boolean;
}

/** The parts between the slashes, decoded; a closing slash does not count. @throws ApiError 400 */
export function splitPath(path: string): string[] {
  const parts = path.split('/');
  parts.shift();
  if (parts.at(-1) === '') parts.pop();
  return path.includes('%') ? parts.map(decodePart) : parts;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) throw badRequest(`invalid URL escape in ${JSON.stringify(part)}`);
    throw error;
  }
}

/** Subresources of a namespace: here the third part does not name a resource inside it. */
const namespaceSubresources = new Set(['status', 'finalize']);

/**
 * `[watch/][namespaces/<ns>/]<resource>[/<name>[/<subresource>]]`, as the parts behind group and version.
 * Undefined if there are too many parts.
 */
export function parseResourcePath(given: readonly string[]): ResourcePath | undefined {
  const watch = given[0] === 'watch';
  const parts = watch ? given.slice(1) : given;
  const inside = parts.length > 2 && parts[0] === 'namespaces' && !namespaceSubresources.has(parts[2] as string);
  const [resource, name, subresource, ...more] = inside ? parts.slice(2) : parts;
  if (resource === undefined || more.length > 0) return undefined;
  return { namespace: inside ? parts[1] : undefined, resource, name, subresource, watch };
}
