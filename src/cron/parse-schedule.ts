import { EverySchedule } from './every-schedule.ts';
import { FieldSchedule } from './field-schedule.ts';
import { parseFields, type Fields } from './fields.ts';
import { splitFields, trimSpace } from './go-text.ts';
import { parseDurationNs } from './parse-duration.ts';
import type { Schedule } from './schedule.ts';
import { loadTimeZone, type TimeZone } from './time-zone.ts';

export interface ParseOptions {
  /** An IANA name, as `spec.timeZone`; default UTC. A `TZ=` in the expression counts more. */
  readonly timeZone?: string | undefined;
}

/** What an expression says, before anything is computed from it. */
export interface ParsedExpression {
  readonly zone: TimeZone;
  readonly body: { readonly every: number } | { readonly fields: Fields };
}

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/**
 * Reads a schedule in the grammar of robfig/cron v3 `ParseStandard`: five fields or a descriptor, behind an optional
 * `TZ=Zone ` or `CRON_TZ=Zone `.
 * @throws Error with upstream's text
 */
export function parseSchedule(expression: string, options: ParseOptions = {}): Schedule {
  const text = withZone(expression, options.timeZone);
  const { zone, body } = parseExpression(text);
  return 'every' in body ? new EverySchedule(text, zone.name, body.every) : new FieldSchedule(text, body.fields, zone);
}

/** Why an expression cannot be read: the message that `parseSchedule` would throw; undefined when it can. */
export function scheduleError(expression: string): string | undefined {
  try {
    parseExpression(expression);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** As the CronJob controller does it: the zone goes in front, unless the letters TZ are anywhere in the text. */
function withZone(expression: string, timeZone: string | undefined): string {
  return timeZone === undefined || expression.includes('TZ') ? expression : `TZ=${timeZone} ${expression}`;
}

/** @throws Error with upstream's text */
export function parseExpression(expression: string): ParsedExpression {
  if (expression === '') throw new Error('empty spec string');
  const { zone, rest } = splitZone(expression);
  if (rest.startsWith('@')) return { zone, body: parseDescriptor(rest) };
  return { zone, body: { fields: parseFields(splitFields(rest)) } };
}

function splitZone(expression: string): { readonly zone: TimeZone; readonly rest: string } {
  if (!expression.startsWith('TZ=') && !expression.startsWith('CRON_TZ=')) {
    return { zone: loadTimeZone('UTC'), rest: expression };
  }
  const space = expression.indexOf(' ');
  // Upstream's released parser reads out of bounds here.
  if (space < 0) throw new Error(`no schedule after the time zone: ${expression}`);
  const name = expression.slice(expression.indexOf('=') + 1, space);
  try {
    return { zone: loadTimeZone(name), rest: trimSpace(expression.slice(space)) };
  } catch (error) {
    throw new Error(`provided bad location ${name}: ${messageOf(error)}`, { cause: error });
  }
}

function parseDescriptor(text: string): ParsedExpression['body'] {
  const fields = Object.hasOwn(descriptors, text) ? descriptors[text] : undefined;
  if (fields !== undefined) return { fields: parseFields(fields.split(' ')) };
  if (!text.startsWith('@every ')) throw new Error(`unrecognized descriptor: ${text}`);
  try {
    const seconds = Number(parseDurationNs(text.slice('@every '.length)) / 1_000_000_000n);
    return { every: Math.max(seconds, 1) * 1000 };
  } catch (error) {
    throw new Error(`failed to parse duration ${text}: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
