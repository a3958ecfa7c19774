import { answerPathNotFound, answerText } from './answer.ts';
import type { Reply } from './call.ts';
import { allOf, type Query } from './query.ts';

/** One part of the server's health. */
export interface HealthCheck {
  readonly name: string;
  readonly healthy: () => boolean;
  /** Asked only of `/readyz`: an engine that is not ready yet need not be restarted. */
  readonly onlyReady?: boolean;
}

/**
 * `/healthz`, `/livez`, `/readyz`, and one check of it as `/livez/<check>`. Anyone may ask, so why a check fails is
 * only in the server's log.
 */
export function serveHealth(reply: Reply, query: Query, parts: readonly string[], all: readonly HealthCheck[]): void {
  const [endpoint = '', only, ...more] = parts;
  const checks = all.filter((check) => check.onlyReady !== true || endpoint === 'readyz');
  if (only !== undefined) {
    const check = checks.find((one) => one.name === only);
    if (check === undefined || more.length > 0) answerPathNotFound(reply);
    else if (check.healthy()) answerText(reply, 200, 'ok');
    else answerText(reply, 500, 'internal server error: reason withheld\n');
    return;
  }
  const excluded = allOf(query, 'exclude');
  const asked = checks.filter((check) => !excluded.includes(check.name));
  const lines = checks.map((check) => {
    if (excluded.includes(check.name)) return `[+]${check.name} excluded: ok`;
    return check.healthy() ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`;
  });
  const unmatched = excluded.filter((name) => !checks.some((check) => check.name === name));
  if (unmatched.length > 0) {
    const names = unmatched.map((name) => JSON.stringify(name)).join(',');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
  }
  const healthy = asked.every((check) => check.healthy());
  const report = `${lines.join('\n')}\n${endpoint} check ${healthy ? 'passed' : 'failed'}\n`;
  if (!healthy) answerText(reply, 500, report);
  else answerText(reply, 200, query['verbose'] === undefined ? 'ok' : report);
}
