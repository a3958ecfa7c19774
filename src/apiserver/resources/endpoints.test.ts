import { describe, expect, it } from 'vitest';
import type { Endpoints, EndpointSlice } from '../../api/index.ts';
import { endpointSlice } from './endpoint-slice.ts';
import { endpoints } from './endpoints.ts';
import { created, createErrors, rowOf, updateErrors } from './rule-cases.fixture.ts';

const metadata = {
  name: 'x',
  namespace: 'default',
  uid: 'u',
  resourceVersion: '',
  creationTimestamp: '2026-01-01T00:00:00Z',
};
const nowMs = Date.parse('2026-01-01T00:10:00Z');
const some = (subsets: unknown): Endpoints => ({ apiVersion: 'v1', kind: 'Endpoints', metadata, subsets }) as Endpoints;
const slice = (rest: object): EndpointSlice =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata,
    addressType: 'IPv4',
    endpoints: [],
    ...rest,
  }) as unknown as EndpointSlice;
const address = { ip: '10.0.0.1' };

describe('Endpoints', () => {
  it.each([
    ['nobody', [{}], ['subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`']],
    [
      'no address',
      [{ addresses: [{ ip: 'here' }] }],
      [
        'subsets[0].addresses[0].ip: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      'wrong ports',
      [{ addresses: [address], ports: [{ port: 0 }, { name: 'b', port: 1, protocol: 'ICMP' }] }],
      [
        'subsets[0].ports[0].name: Required value',
        'subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
        'subsets[0].ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
      ],
    ],
    ['all that is right', [{ addresses: [address], ports: [{ port: 1 }] }], []],
  ])('with %s', (_what, subsets, errors) => {
    expect(createErrors(endpoints, some(subsets))).toEqual(errors);
  });

  it('fill in the protocol, and show the first few', () => {
    const made = created(
      endpoints,
      some([{ addresses: [address, { ip: '10.0.0.2' }], ports: [{ port: 1 }, { name: 'b', port: 2 }] }]),
    );
    expect(made.subsets?.[0]?.ports?.[0]).toEqual({ port: 1, protocol: 'TCP' });
    expect(rowOf(endpoints, made, nowMs)).toMatchObject({ Endpoints: '10.0.0.1:1,10.0.0.2:1,10.0.0.1:2 + 1 more...' });
    expect(rowOf(endpoints, some(undefined), nowMs)).toMatchObject({ Endpoints: '<none>' });
    expect(rowOf(endpoints, some([{ addresses: [address] }]), nowMs)).toMatchObject({ Endpoints: '10.0.0.1' });
  });
});

describe('EndpointSlices', () => {
  it.each([
    ['no type', { addressType: '' }, ['addressType: Required value']],
    [
      'another type',
      { addressType: 'MAC' },
      ['addressType: Unsupported value: "MAC": supported values: "FQDN", "IPv4", "IPv6"'],
    ],
    [
      'nobody',
      { endpoints: [{ addresses: [] }] },
      ['endpoints[0].addresses: Required value: must contain at least one address'],
    ],
    [
      'an address of another type',
      { endpoints: [{ addresses: ['fe80::1'] }] },
      ['endpoints[0].addresses[0]: Invalid value: "fe80::1": must be a valid IPv4 address'],
    ],
    ['two ports of one name', { ports: [{ port: 1 }, { port: 2 }] }, ['ports[1].name: Duplicate value: ""']],
    ['all that is right', { endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 1 }] }, []],
  ])('with %s', (_what, rest, errors) => {
    expect(createErrors(endpointSlice, slice(rest))).toEqual(errors);
  });

  it('keep their type, fill in ports, and show the first few', () => {
    expect(updateErrors(endpointSlice, slice({ addressType: 'IPv6' }), slice({}))).toEqual([
      'addressType: Invalid value: "IPv6": field is immutable',
    ]);
    const all = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((one) => ({ addresses: [one] }));
    const made = created(endpointSlice, slice({ endpoints: all, ports: [{ port: 80 }] }));
    expect(made.ports).toEqual([{ name: '', port: 80, protocol: 'TCP' }]);
    expect(rowOf(endpointSlice, made, nowMs)).toMatchObject({
      AddressType: 'IPv4',
      Ports: '80',
      Endpoints: '10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...',
    });
    expect(rowOf(endpointSlice, created(endpointSlice, slice({})), nowMs)).toMatchObject({
      Ports: '<unset>',
      Endpoints: '<unset>',
    });
  });
});
