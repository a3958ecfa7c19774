import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ApiError, type Status } from '../status.ts';
import { playCase, type PlayedCase } from './play-case.fixture.ts';

interface Outcome {
  readonly object?: unknown;
  readonly managedFields?: unknown;
  readonly status?: Status;
  readonly error?: string;
}

const file = process.env['RECORDED_APPLIES'] ?? new URL('../../../tests/fixtures/apply/recorded.json', import.meta.url);
const recorded = JSON.parse(readFileSync(file, 'utf8')) as (PlayedCase & { readonly outcomes: readonly Outcome[] })[];

function answerOf(error: ApiError): unknown {
  // Upstream's plain errors: a message and nothing else.
  if (error.reason === '') return { error: error.status.message };
  const { message, reason, code, details } = error.status;
  return { message, reason, code, causes: causesOf(details) };
}

function expectedAnswer({ status, error }: Outcome): unknown {
  if (status === undefined) return { error };
  const { message, reason, code, details } = status;
  return { message, reason, code, causes: causesOf(details) };
}

/** Upstream names the managers of several conflicts in no order of their own. */
function causesOf(details: Status['details']): unknown {
  return details?.causes?.map((cause) => JSON.stringify(cause, ['reason', 'message', 'field'])).sort();
}

describe('writes by several managers', () => {
  it.each(recorded.map((one, at) => [`${at} ${one.kind}`, one] as const))('%s, as upstream recorded it', (_, one) => {
    const played = playCase(one);
    one.outcomes.forEach((outcome, at) => {
      const result = played[at]!;
      if (result instanceof ApiError) {
        expect(answerOf(result), `step ${at}`).toEqual(expectedAnswer(outcome));
      } else {
        expect({ error: outcome.error, status: outcome.status }, `step ${at}`).toEqual({});
        expect(result.managedFields, `managers after step ${at}`).toEqual(outcome.managedFields ?? []);
        expect(result.object, `object after step ${at}`).toEqual(outcome.object);
      }
    });
  });
});
