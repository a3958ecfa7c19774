import { describe, expect, it } from 'vitest';
import { UsageError } from './command.ts';
import { exposure, parseListen } from './up.ts';

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

describe('exposure', () => {
  it.each(['localhost', '127.0.0.1', '127.8.0.1', '::1'])('says nothing of %s', (host) => {
    expect(exposure(host, 'https://127.0.0.1:6443')).toBe('');
  });

  it.each([
    ['0.0.0.0', 'every address of this machine, port 6443'],
    ['::', 'every address of this machine, port 6443'],
    ['192.0.2.7', '192.0.2.7, port 6443'],
    ['box.example', 'box.example, port 6443'],
  ])('tells what others reach at %s', (host, where) => {
    expect(exposure(host, 'https://127.0.0.1:6443')).toMatch(
      new RegExp(
        `^warning: the API is open to other machines, on ${where}\\. Without credentials they get only version`,
      ),
    );
  });
});
