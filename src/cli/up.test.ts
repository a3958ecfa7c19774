import { describe, expect, it } from 'vitest';
import { UsageError } from './command.ts';
import { parseListen } from './up.ts';

describe('parseListen', () => {
  it.each([
    [undefined, { host: '127.0.0.1', port: undefined }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['localhost:6443', { host: 'localhost', port: 6443 }],
    ['[::1]:7000', { host: '::1', port: 7000 }],
  ])('%s', (text, expected) => {
    expect(parseListen(text)).toEqual(expected);
  });

  it.each(['', '6443', 'host:', ':6443', '::1:6443', 'host:70000', 'host:-1'])('refuses "%s"', (text) => {
    expect(() => parseListen(text)).toThrow(UsageError);
  });
});
