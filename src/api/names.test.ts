import { describe, expect, it } from 'vitest';
import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  envVarNameErrors,
  generateName,
  labelValueErrors,
  pathSegmentErrors,
  qualifiedNameErrors,
} from './index.ts';

const long = (length: number): string => 'x'.repeat(length);

describe('names that are right', () => {
  it.each([
    [dns1123LabelErrors, ['a', '0', 'a-b', long(63)]],
    [dns1123SubdomainErrors, ['a', 'a.b', '1.2-3.c', `${long(63)}.${long(63)}`, long(253)]],
    [qualifiedNameErrors, ['a', 'A_b.c-9', 'example.com/A', long(63), `${long(253)}/${long(63)}`]],
    [labelValueErrors, ['', 'a', 'A_b.c-9', long(63)]],
    [pathSegmentErrors, ['', 'a', 'A b:c', '...']],
    [envVarNameErrors, ['A', '1', 'a b', '..', 'A-B.C', '<>']],
  ] as const)('%o takes %j', (errorsOf, texts) => {
    for (const text of texts) expect(errorsOf(text), text).toEqual([]);
  });
});

describe('names that are wrong', () => {
  it.each([
    [dns1123LabelErrors, '', [/^a lowercase RFC 1123 label must consist of/]],
    [dns1123LabelErrors, 'A', [/regex used for validation is/]],
    [dns1123LabelErrors, '-a', [/^a lowercase RFC 1123 label/]],
    [dns1123LabelErrors, 'a\n', [/^a lowercase RFC 1123 label/]],
    [dns1123LabelErrors, long(64), [/^must be no more than 63 bytes$/]],
    [dns1123SubdomainErrors, 'a..b', [/^a lowercase RFC 1123 subdomain/]],
    [dns1123SubdomainErrors, long(254), [/^must be no more than 253 bytes$/]],
    [qualifiedNameErrors, '', [/^name part must be non-empty$/, /^name part must consist of/]],
    [qualifiedNameErrors, '/a', [/^prefix part must be non-empty$/]],
    [qualifiedNameErrors, 'A/a', [/^prefix part a lowercase RFC 1123 subdomain/]],
    [qualifiedNameErrors, 'a/b/c', [/^a valid label key must consist of/]],
    [qualifiedNameErrors, long(64), [/^name part must be no more than 63 bytes$/]],
    [labelValueErrors, 'a b', [/^a valid label must be an empty string or consist of/]],
    [labelValueErrors, long(64), [/^must be no more than 63 bytes$/]],
    [pathSegmentErrors, '..', [/^may not be '\.\.'$/]],
    [pathSegmentErrors, 'a/%', [/^may not contain '\/'$/, /^may not contain '%'$/]],
    [envVarNameErrors, '', [/printable ASCII characters other than '='$/]],
    [envVarNameErrors, 'A=B', [/other than '='$/]],
    [envVarNameErrors, 'ä', [/other than '='$/]],
  ] as const)('%o refuses %j', (errorsOf, text, expected) => {
    const errors = errorsOf(text);
    expect(errors).toHaveLength(expected.length);
    expected.forEach((pattern, index) => expect(errors[index]).toMatch(pattern));
  });

  it('long ones are refused in linear time', () => {
    const text = `${'a-'.repeat(500_000)}!`;
    expect(dns1123SubdomainErrors(text)).toHaveLength(2);
    expect(labelValueErrors(text)).toHaveLength(2);
  });
});

describe('generated names', () => {
  const random = (value: number): { float(): number } => ({ float: () => value });
  it.each([
    ['job-', 0, 'job-bbbbb'],
    ['job-', 0.999999, 'job-99999'],
    [long(70), 0, `${long(58)}bbbbb`],
  ])('%s', (base, value, name) => {
    expect(generateName(base, random(value))).toBe(name);
  });
});
