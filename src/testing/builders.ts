import type { Container, Draft, Job, Namespace, Node, Pod, PodSpec } from '../api/index.ts';

/** What builders let a test say about metadata. */
export type MetadataOverrides = Partial<Job['metadata']>;

/** A container named `main` that asks for nothing. */
export function aContainer(overrides: Partial<Container> = {}): Container {
  return { name: 'main', image: 'busybox', ...overrides };
}

/** A Pod draft in namespace `default`. */
export function aPod(
  name: string,
  overrides: { metadata?: MetadataOverrides; spec?: Partial<PodSpec>; status?: Pod['status'] } = {},
): Draft<Pod> {
  return {
    metadata: { namespace: 'default', name, ...overrides.metadata },
    spec: { containers: [aContainer()], restartPolicy: 'Never', ...overrides.spec },
    status: overrides.status ?? { phase: 'Pending' },
  };
}

/** A Job draft in namespace `default` with one container. */
export function aJob(
  name: string,
  overrides: { metadata?: MetadataOverrides; spec?: Partial<Job['spec']>; status?: Job['status'] } = {},
): Draft<Job> {
  const template = { metadata: {}, spec: { containers: [aContainer()], restartPolicy: 'Never' } };
  return {
    metadata: { namespace: 'default', name, ...overrides.metadata },
    spec: { template, ...overrides.spec } as Job['spec'],
    status: overrides.status ?? {},
  };
}

/** A ready Node with four cores, eight gibibytes and room for 110 Pods. */
export function aNode(
  name: string,
  overrides: { metadata?: MetadataOverrides; spec?: Partial<Node['spec']>; status?: Partial<Node['status']> } = {},
): Draft<Node> {
  return {
    metadata: { name, ...overrides.metadata },
    spec: { ...overrides.spec },
    status: {
      allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True' }],
      ...overrides.status,
    },
  };
}

/** An active Namespace. */
export function aNamespace(name: string): Draft<Namespace> {
  return { metadata: { name }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
}
