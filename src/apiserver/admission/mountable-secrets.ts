import type { Pod, PodSpec, ServiceAccount } from '../../api/index.ts';

const annotation = 'kubernetes.io/enforce-mountable-secrets';
/** What Go's `ParseBool` takes for true. */
const yes = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

/** What containers of all three sorts have in common here. */
type AnyContainer = Pick<PodSpec['containers'][number], 'name' | 'env' | 'envFrom'>;

/**
 * What a Pod uses that its ServiceAccount does not list, if that keeps its Pods to its own list; undefined: nothing
 * (upstream: plugin ServiceAccount `limitSecretReferences`).
 */
export function foreignSecret({ spec }: Pick<Pod, 'spec'>, account: ServiceAccount): string | undefined {
  if (!yes.has(account.metadata.annotations?.[annotation] ?? '')) return undefined;
  const { name } = account.metadata;
  const allowed = new Set(account.secrets?.map((secret) => secret.name));
  const unlisted = `is not allowed because service account ${name} does not reference that secret`;
  const inVolume = spec.volumes?.find(({ secret }) => secret && !allowed.has(secret.secretName))?.secret?.secretName;
  if (inVolume !== undefined) return `volume with secret.secretName="${inVolume}" ${unlisted}`;
  for (const [sort, containers] of [
    ['init container', spec.initContainers],
    ['container', spec.containers],
    ['ephemeral container', spec.ephemeralContainers],
  ] as const) {
    for (const container of containers ?? []) {
      const used = secretInEnvironment(container, allowed);
      if (used !== undefined) return `${sort} ${container.name} with ${used} ${unlisted}`;
    }
  }
  const pullable = new Set(account.imagePullSecrets?.map((secret) => secret.name));
  const foreign = spec.imagePullSecrets?.findIndex((secret) => !pullable.has(secret.name)) ?? -1;
  if (foreign < 0) return undefined;
  const secret = spec.imagePullSecrets?.[foreign]?.name ?? '';
  return `imagePullSecrets[${foreign}].name="${secret}" is not allowed because service account ${name} does not reference that imagePullSecret`;
}

function secretInEnvironment(
  { env = [], envFrom = [] }: AnyContainer,
  allowed: ReadonlySet<string | undefined>,
): string | undefined {
  for (const { name, valueFrom } of env) {
    const secret = valueFrom?.secretKeyRef?.name;
    if (secret !== undefined && !allowed.has(secret)) return `envVar ${name} referencing secret.secretName="${secret}"`;
  }
  const whole = envFrom.find(({ secretRef }) => secretRef !== undefined && !allowed.has(secretRef.name));
  return whole === undefined ? undefined : `envFrom referencing secret.secretName="${whole.secretRef?.name}"`;
}
