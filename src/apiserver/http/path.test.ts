import { describe, expect, it } from 'vitest';
import { parseResourcePath, splitPath } from './path.ts';

function parse(path: string): Record<string, unknown> | undefined {
  const parsed = parseResourcePath(splitPath(path));
  return (
    parsed && Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== undefined && value !== false))
  );
}

describe('the grammar of resource paths', () => {
  it.each([
    ['/pods', { resource: 'pods' }],
    ['/nodes/n', { resource: 'nodes', name: 'n' }],
    ['/nodes/n/status', { resource: 'nodes', name: 'n', subresource: 'status' }],
    ['/namespaces', { resource: 'namespaces' }],
    ['/namespaces/a', { resource: 'namespaces', name: 'a' }],
    ['/namespaces/a/status', { resource: 'namespaces', name: 'a', subresource: 'status' }],
    ['/namespaces/a/finalize', { resource: 'namespaces', name: 'a', subresource: 'finalize' }],
    ['/namespaces/a/pods', { namespace: 'a', resource: 'pods' }],
    ['/namespaces/a/pods/', { namespace: 'a', resource: 'pods' }],
    ['/namespaces/a/pods/p', { namespace: 'a', resource: 'pods', name: 'p' }],
    ['/namespaces/a/pods/p/log', { namespace: 'a', resource: 'pods', name: 'p', subresource: 'log' }],
    ['/namespaces/a/pods/a%2Fb', { namespace: 'a', resource: 'pods', name: 'a/b' }],
    ['/watch/pods', { resource: 'pods', watch: true }],
    ['/watch/namespaces/a/pods/p', { namespace: 'a', resource: 'pods', name: 'p', watch: true }],
    ['/namespaces/a/pods/p/log/more', undefined],
    ['/watch', undefined],
  ])('%s', (path, expected) => {
    expect(parse(path)).toEqual(expected);
  });

  it('refuses escapes that are no UTF-8', () => {
    expect(() => splitPath('/pods/%ff')).toThrow('invalid URL escape in "%ff"');
  });
});
