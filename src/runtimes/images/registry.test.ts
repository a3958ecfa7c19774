import { describe, expect, it } from 'vitest';
import { credentialsFor } from '../registry-credentials.ts';
import { redirectOf } from './http-get.ts';

describe('credentials', () => {
  const image = { registry: 'eu.example.com:5000', repository: 'team/app' };
  const auths = (...keys: readonly string[]): string =>
    JSON.stringify({ auths: Object.fromEntries(keys.map((key) => [key, { auth: key }])) });
  const docker = { registry: 'docker.io', repository: 'library/busybox' };

  it.each([
    ['of the host', ['eu.example.com:5000'], image, 'eu.example.com:5000'],
    ['of a URL with a version', ['https://eu.example.com:5000/v2/'], image, 'https://eu.example.com:5000/v2/'],
    ['of Docker’s own key', ['https://index.docker.io/v1/'], docker, 'https://index.docker.io/v1/'],
    ['of a pattern', ['*.example.com:5000'], image, '*.example.com:5000'],
    ['of the longest path', ['eu.example.com:5000', 'eu.example.com:5000/team'], image, 'eu.example.com:5000/team'],
    ['of no other path', ['eu.example.com:5000/other'], image, undefined],
    ['of no other port', ['eu.example.com'], image, undefined],
    ['of no pattern with fewer parts', ['*.com:5000'], image, undefined],
    ['of no host that only looks alike', ['eu-example.com:5000'], image, undefined],
  ])('are those %s', (_, keys, wanted, found) => {
    const best = found === undefined ? [] : [found];
    expect(credentialsFor(wanted, [auths(...keys)]).slice(0, 1)).toEqual(best);
    expect(credentialsFor(wanted, ['no JSON', auths(), auths(...keys)]).slice(0, 1)).toEqual(best);
  });
});

describe('several credentials', () => {
  it('come in the order of their keys, the most specific first, and of one key in that of the Secrets', () => {
    const secret = (entries: Record<string, string>): string =>
      JSON.stringify({ auths: Object.fromEntries(Object.entries(entries).map(([key, auth]) => [key, { auth }])) });
    const secrets = [
      secret({ 'example.com': 'first', 'example.com/team': 'team' }),
      secret({ 'example.com/team/app': 'app', 'example.com': 'second' }),
      secret({ 'https://example.com/v2/': 'first' }),
    ];
    expect(credentialsFor({ registry: 'example.com', repository: 'team/app' }, secrets)).toEqual([
      'app',
      'team',
      'first',
      'second',
    ]);
  });
});

describe('a redirect', () => {
  const answer = (status: number, location?: string): Pick<Response, 'status' | 'headers'> => ({
    status,
    headers: new Headers(location === undefined ? {} : { location }),
  });

  it('leads on, also to another host', () => {
    const from = new URL('https://example.com/v2/a');
    expect(redirectOf(from, answer(307, 'https://cdn.example.net/x'))?.href).toBe('https://cdn.example.net/x');
    expect(redirectOf(from, answer(302, '/y'))?.href).toBe('https://example.com/y');
    expect([redirectOf(from, answer(200, '/y')), redirectOf(from, answer(304)), redirectOf(from, answer(301))]).toEqual(
      [undefined, undefined, undefined],
    );
  });

  it('never leads out of TLS', () => {
    const from = new URL('https://example.com/v2/a');
    for (const to of ['http://example.com/v2/a', 'http://localhost/', 'ftp://example.com/x', 'data:,x'])
      expect(() => redirectOf(from, answer(307, to))).toThrow('is not followed');
    expect(redirectOf(new URL('http://localhost:5000/'), answer(307, 'http://localhost:6000/'))).toBeDefined();
  });
});
