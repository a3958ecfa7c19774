import { describe, expect, it } from 'vitest';
import {
  candidates,
  contains,
  capacityOf,
  formatSubnet,
  gatewayOf,
  overlaps,
  parseSubnet,
  podAddress,
  routedSubnets,
} from './subnet.ts';

const subnet = (text: string): NonNullable<ReturnType<typeof parseSubnet>> => parseSubnet(text)!;

describe('a subnet for Pods', () => {
  it.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/0', '10.0.0.1/24', '10.0.0/24', '10.0.0.256/32', 'fd00::/64', ''])(
    'is not %s',
    (text) => {
      expect(parseSubnet(text)).toBeUndefined();
    },
  );

  it('begins with the address of the host, and ends before the one for broadcasts', () => {
    const small = subnet('192.168.7.248/29');
    expect(formatSubnet(small)).toBe('192.168.7.248/29');
    expect(gatewayOf(small)).toBe('192.168.7.249');
    expect(capacityOf(small)).toBe(5);
    expect([podAddress(small, 0), podAddress(small, 4)]).toEqual(['192.168.7.250', '192.168.7.254']);
    expect(capacityOf(subnet('10.201.0.0/20'))).toBe(4093);
    expect(capacityOf(subnet('10.0.0.0/31'))).toBe(0);
  });

  it.each([
    ['10.201.0.0/20', '10.201.0.0/20', true],
    ['10.201.0.0/20', '10.201.16.0/20', false],
    ['10.201.0.0/20', '10.0.0.0/8', true],
    ['10.201.0.0/20', '10.201.15.7/32', true],
    ['200.0.0.0/8', '10.201.0.0/20', false],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect([overlaps(subnet(a), subnet(b)), overlaps(subnet(b), subnet(a))]).toEqual([expected, expected]);
  });

  it('is looked for beside what the machine has routes to, in any table', () => {
    const text = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
Id 200:
  |-- 10.201.0.0
     /16 universe UNICAST
     /20 link UNICAST
`;
    expect(routedSubnets(text).map(formatSubnet)).toEqual(['192.0.2.0/24', '10.201.0.0/16', '10.201.0.0/20']);
  });

  it('has the addresses between its first and its last', () => {
    const of = (address: string): boolean => contains(subnet('10.201.16.0/20'), address);
    expect(['10.201.16.1', '10.201.31.255', '10.201.15.255', '10.201.32.0', '::1', ''].map(of)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('is the one that the engine had before, if it may choose', () => {
    const kept = { name: 'rondo7', subnet: subnet('10.203.0.0/20') };
    expect(candidates(undefined, kept)[0]).toBe(kept);
    const wanted = subnet('172.30.0.0/16');
    expect(candidates(wanted, kept)[0]).toEqual({ name: 'rondo0', subnet: wanted });
    expect(new Set(candidates(undefined, undefined).map((one) => formatSubnet(one.subnet))).size).toBe(64);
  });
});
