import { isIP } from 'node:net';
import type { Path, Problems } from './field-path.ts';

/** What Endpoints and EndpointSlices share. */
export const protocols = ['SCTP', 'TCP', 'UDP'];

/** `family`: 4 or 6, where only one will do. */
export function addressErrors(address: string, family: 4 | 6 | undefined): readonly string[] {
  const found = isIP(address);
  if (family === undefined) return found === 0 ? ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'] : [];
  return found === family ? [] : [`must be a valid IPv${family} address`];
}

export function checkPortNumber(port: number | undefined, path: Path, problems: Problems): void {
  if (port === undefined || port < 1 || port > 65_535)
    problems.invalid(path, port ?? 0, 'must be between 1 and 65535, inclusive');
}

const shown = 3;

/** Upstream: printers `listWithMoreString`. */
export function firstFew(texts: readonly string[]): string {
  const few = texts.slice(0, shown).join(',');
  if (texts.length > shown) return `${few} + ${texts.length - shown} more...`;
  return few === '' ? '<unset>' : few;
}
