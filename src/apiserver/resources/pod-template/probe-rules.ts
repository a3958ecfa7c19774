import type { Container, HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../../../api/index.ts';
import { child } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { checkFieldNotNegative, isUnset, listOf } from '../value-rules.ts';
import { checkPortReference } from './port-rules.ts';

const headerPattern = /^[-A-Za-z0-9]+$/;
const headerText =
  "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
const schemes = ['HTTP', 'HTTPS'];

/** What handlers need to know of their pod. */
export interface HandlerScope {
  readonly problems: Problems;
  readonly gracePeriodSeconds: number | undefined;
}

/** Probes and lifecycle hooks of containers that may have them. */
export function checkHooks(container: Container, path: Path, scope: HandlerScope): void {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container;
  if (lifecycle !== undefined) checkLifecycle(lifecycle, child(path, 'lifecycle'), scope);
  if (livenessProbe !== undefined) checkLiveness(livenessProbe, child(path, 'livenessProbe'), scope);
  if (readinessProbe !== undefined) checkReadiness(readinessProbe, child(path, 'readinessProbe'), scope);
  if (startupProbe !== undefined) checkLiveness(startupProbe, child(path, 'startupProbe'), scope);
}

/** Ordinary init containers run to their end; there is nothing to probe. */
export function checkNoHooks(container: Container, path: Path, problems: Problems): void {
  for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[field] === undefined) continue;
    problems.forbidden(child(path, field), 'may not be set for init containers without restartPolicy=Always');
  }
}

function checkLifecycle(lifecycle: Lifecycle, path: Path, scope: HandlerScope): void {
  for (const field of ['postStart', 'preStop'] as const) {
    const handler = lifecycle[field];
    if (handler !== undefined) checkHandler(handler, child(path, field), scope);
  }
}

function checkLiveness(probe: Probe, path: Path, scope: HandlerScope): void {
  checkProbe(probe, path, scope);
  if (probe.successThreshold !== 1) {
    scope.problems.invalid(child(path, 'successThreshold'), probe.successThreshold ?? 0, 'must be 1');
  }
}

function checkReadiness(probe: Probe, path: Path, scope: HandlerScope): void {
  checkProbe(probe, path, scope);
  const seconds = probe.terminationGracePeriodSeconds;
  if (seconds === undefined) return;
  scope.problems.invalid(child(path, 'terminationGracePeriodSeconds'), seconds, 'must not be set for readinessProbes');
}

const probeNumbers = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

function checkProbe(probe: Probe, path: Path, scope: HandlerScope): void {
  const { problems } = scope;
  checkHandler(probe, path, scope);
  for (const field of probeNumbers) checkFieldNotNegative(probe[field], path, field, problems);
  const seconds = probe.terminationGracePeriodSeconds;
  if (seconds !== undefined && seconds <= 0) {
    problems.invalid(child(path, 'terminationGracePeriodSeconds'), seconds, 'must be greater than 0');
  }
}

type Handler = LifecycleHandler & Pick<Probe, 'grpc'>;
const handlerTypes = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

/** Exactly one way to do it. Upstream: core validation `validateHandler`. */
function checkHandler(handler: Handler, path: Path, scope: HandlerScope): void {
  const [first, ...others] = handlerTypes.filter((type) => handler[type] !== undefined);
  if (first === undefined) scope.problems.required(path, 'must specify a handler type');
  else checkHandlerOfType(first, handler, child(path, first), scope);
  for (const type of others) scope.problems.forbidden(child(path, type), 'may not specify more than 1 handler type');
}

function checkHandlerOfType(
  type: (typeof handlerTypes)[number],
  handler: Handler,
  path: Path,
  scope: HandlerScope,
): void {
  const { problems } = scope;
  switch (type) {
    case 'exec':
      if (listOf(handler.exec?.command).length === 0) problems.required(child(path, 'command'));
      break;
    case 'httpGet':
      checkHttpGet(handler.httpGet ?? { port: 0 }, path, problems);
      break;
    case 'tcpSocket':
      checkPortReference(handler.tcpSocket?.port, child(path, 'port'), problems);
      break;
    case 'grpc':
      checkPortReference(handler.grpc?.port, child(path, 'port'), problems);
      break;
    case 'sleep':
      checkSleep(handler.sleep?.seconds ?? 0, path, scope);
      break;
  }
}

function checkHttpGet(action: HTTPGetAction, path: Path, problems: Problems): void {
  if (isUnset(action.path)) problems.required(child(path, 'path'));
  checkPortReference(action.port, child(path, 'port'), problems);
  const scheme = action.scheme ?? '';
  if (!schemes.includes(scheme)) problems.notSupported(child(path, 'scheme'), scheme, schemes);
  for (const { name = '' } of listOf(action.httpHeaders)) {
    if (!headerPattern.test(name)) problems.invalid(child(path, 'httpHeaders'), name, headerText);
  }
}

function checkSleep(seconds: number, path: Path, { problems, gracePeriodSeconds: grace }: HandlerScope): void {
  if (grace === undefined || (seconds >= 0 && seconds <= grace)) return;
  problems.invalid(path, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`);
}
