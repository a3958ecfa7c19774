import { quantityMillis, quantityValue, type Container, type Pod } from '../../api/index.ts';
import type { resources as resourcesMessage } from './protocol/containers.ts';
import type { Sent } from './protocol/message.ts';

const cpuPeriodUs = 100_000;
const minQuotaUs = 1000;
const minShares = 2;

/** Limits of a container as a kubelet gives them to its runtime (pkg/kubelet/kuberuntime/kuberuntime_container_linux.go). */
export function resourcesOf(
  pod: Pod,
  container: Container,
  machine: { readonly memoryBytes: number },
): Sent<typeof resourcesMessage> {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const wantedCpu = requests['cpu'] ?? limits['cpu'];
  const hugepageLimits = Object.entries(limits)
    .filter(([name]) => name.startsWith('hugepages-'))
    .map(([name, limit]) => ({ pageSize: pageSizeOf(name), limit: quantityValue(limit) }));
  return {
    cpuPeriod: cpuPeriodUs,
    cpuShares:
      wantedCpu === undefined ? minShares : Math.max(minShares, Math.floor((quantityMillis(wantedCpu) * 1024) / 1000)),
    ...(limits['cpu'] === undefined ? {} : { cpuQuota: quotaOf(quantityMillis(limits['cpu'])) }),
    ...(limits['memory'] === undefined ? {} : { memoryLimitInBytes: quantityValue(limits['memory']) }),
    oomScoreAdj: oomScoreOf(pod, container, machine.memoryBytes),
    hugepageLimits,
  };
}

function quotaOf(cpuMillis: number): number {
  return cpuMillis === 0 ? 0 : Math.max(minQuotaUs, Math.floor((cpuMillis * cpuPeriodUs) / 1000));
}

/** `hugepages-2Mi` is `2MB` there. */
function pageSizeOf(resource: string): string {
  return resource.slice('hugepages-'.length).replace(/i?$/, 'B');
}

/** Who is killed first when the machine's memory runs out (pkg/kubelet/qos/policy.go). */
export function oomScoreOf(pod: Pod, container: Container, machineBytes: number): number {
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const names = ['cpu', 'memory'];
  const amountsOf = ({ resources }: Container, kind: 'limits' | 'requests', name: string): string | undefined =>
    resources?.[kind]?.[name];
  const guaranteed = all.every((one) =>
    names.every((name) => {
      const limit = amountsOf(one, 'limits', name);
      const request = amountsOf(one, 'requests', name) ?? limit;
      return limit !== undefined && request !== undefined && quantityValue(limit) === quantityValue(request);
    }),
  );
  if (guaranteed) return -997;
  if (
    all.every((one) =>
      names.every((name) => (amountsOf(one, 'limits', name) ?? amountsOf(one, 'requests', name)) === undefined),
    )
  )
    return 1000;
  const request = amountsOf(container, 'requests', 'memory') ?? amountsOf(container, 'limits', 'memory');
  const share = request === undefined ? 0 : (1000 * quantityValue(request)) / machineBytes;
  return Math.min(999, Math.max(3, Math.floor(1000 - share)));
}
