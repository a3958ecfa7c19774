import { describe, expect, it } from 'vitest';
import { canonicalName, parseReference } from './image-reference.ts';

describe('an image name', () => {
  const sha = `sha256:${'a'.repeat(64)}`;

  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['team/app', 'docker.io/team/app:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['127.0.0.1:5000/a/b:c', '127.0.0.1:5000/a/b:c'],
    ['Example.com/a', 'Example.com/a:latest'],
    ['REGISTRY/a', 'REGISTRY/a:latest'],
    [`quay.io/a:tag@${sha}`, `quay.io/a@${sha}`],
    ['a__b/c---d', 'docker.io/a__b/c---d:latest'],
  ])('%s means %s', (name, canonical) => {
    expect(canonicalName(parseReference(name))).toBe(canonical);
  });

  // What upstream's parser (distribution/reference) says of them.
  it.each([
    ['UPPER', 'invalid reference format: repository name (library/UPPER) must be lowercase'],
    ['quay.io/Team/app:v1', 'invalid reference format: repository name (Team/app) must be lowercase'],
    ['a'.repeat(64), `invalid repository name (${'a'.repeat(64)}), cannot specify 64-byte hexadecimal strings`],
    ...['a b', 'a:', 'a@sha256:1', '../x', 'a//b', '', 'a/', ':tag', 'x'.repeat(300), 'a___b'].map((name) => [
      name,
      'invalid reference format',
    ]),
  ])('%s is none', (name, why) => {
    const message = `Failed to apply default image tag "${name}": couldn't parse image name "${name}": ${why}`;
    expect(() => parseReference(name!)).toThrow(expect.objectContaining({ reason: 'InvalidImageName', message }));
  });
});
