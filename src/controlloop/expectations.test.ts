import { expect, it } from 'vitest';
import { createExpectations } from './expectations.ts';

it('is satisfied when nothing was ever expected', () => {
  expect(createExpectations().satisfied('a', 0)).toBe(true);
});

it('waits for every creation', () => {
  const expectations = createExpectations();
  expectations.expectCreations('a', 2);
  expectations.creationObserved('a');
  expect(expectations.satisfied('a', 0)).toBe(false);
  expect(expectations.satisfied('b', 0)).toBe(true);
  expectations.creationObserved('a');
  expect(expectations.satisfied('a', 0)).toBe(true);
});

it('counts only the deletions it expects', () => {
  const expectations = createExpectations();
  expectations.expectDeletions('a', ['x', 'y']);
  for (const uid of ['x', 'z', 'x']) expectations.deletionObserved('a', uid);
  expect(expectations.satisfied('a', 0)).toBe(false);
  expectations.deletionObserved('a', 'y');
  expect(expectations.satisfied('a', 0)).toBe(true);
});

it('does not let observations nobody waits for pay for later expectations', () => {
  const expectations = createExpectations();
  expectations.creationObserved('a');
  expectations.expectDeletions('a', ['x']);
  expectations.creationObserved('a');
  expectations.expectCreations('a', 1);
  expectations.deletionObserved('a', 'x');
  expect(expectations.satisfied('a', 0)).toBe(false);
});

it('gives up after five minutes', () => {
  const expectations = createExpectations();
  expectations.expectCreations('a', 1);
  expect(expectations.satisfied('a', 1000)).toBe(false);
  expect(expectations.satisfied('a', 300_999)).toBe(false);
  expect(expectations.satisfied('a', 301_000)).toBe(true);
});

it('forgets a key', () => {
  const expectations = createExpectations();
  expectations.expectCreations('a', 1);
  expectations.delete('a');
  expect(expectations.satisfied('a', 0)).toBe(true);
});
