import { RuntimeError } from './runtime.ts';

/** What an image name means, with everything that Docker's rules fill in. */
export interface ImageReference {
  /** `docker.io`, `127.0.0.1:5000` */
  readonly registry: string;
  /** `library/busybox` */
  readonly repository: string;
  /** `latest` where the name gives neither tag nor digest. With a digest the tag means nothing. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const component = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const grammar = new RegExp(
  `^(${component}(?:/${component})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[a-f0-9]{64}))?$`,
);
const host = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;

/**
 * Reads an image name (distribution/reference: the first part is a registry if it looks like a host).
 * @throws RuntimeError InvalidImageName, in upstream's words
 */
export function parseReference(name: string): ImageReference {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const named = first === 'localhost' || /[.:A-Z]/.test(first);
  const [registry, rest] = named ? [first, name.slice(slash + 1)] : ['docker.io', name];
  const whole = registry === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest;
  const match = grammar.exec(whole);
  if (match === null || !host.test(registry) || whole.length > 255 || isId(name))
    throw new RuntimeError('InvalidImageName', invalidMessage(name, whole));
  const [, repository = '', tag, digest] = match;
  return { registry, repository, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** It would be taken for the id of an image. */
function isId(name: string): boolean {
  return /^[a-f0-9]{64}$/.test(name);
}

function invalidMessage(name: string, whole: string): string {
  const repository = whole.split(':')[0]!;
  const isUpper = repository.toLowerCase() !== repository;
  const why = isId(name)
    ? `invalid repository name (${name}), cannot specify 64-byte hexadecimal strings`
    : `invalid reference format${isUpper ? `: repository name (${repository}) must be lowercase` : ''}`;
  return `Failed to apply default image tag "${name}": couldn't parse image name "${name}": ${why}`;
}

/** `docker.io/library/busybox:latest`, `docker.io/library/busybox@sha256:…`: one text for all names of one image. */
export function canonicalName({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${digest === undefined ? `:${tag}` : `@${digest}`}`;
}
