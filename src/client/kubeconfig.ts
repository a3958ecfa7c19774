import { isMap, isSeq, parse, parseDocument, stringify, YAMLSeq, type Document } from 'yaml';

/** One way to a cluster. Certificates and keys are PEM texts. */
export interface ClusterAccess {
  readonly context: string;
  readonly server: string;
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly token?: string;
  /** The namespace that commands use when none is named. */
  readonly namespace?: string;
}

interface Named {
  readonly name: string;
}

interface Kubeconfig {
  readonly 'current-context'?: string;
  readonly clusters?: readonly (Named & { readonly cluster?: Record<string, unknown> })[] | null;
  readonly users?: readonly (Named & { readonly user?: Record<string, unknown> })[] | null;
  readonly contexts?:
    readonly (Named & { readonly context?: { cluster?: string; user?: string; namespace?: string } })[] | null;
}

export interface KubeconfigOptions {
  /** Name of the cluster and the context; the user is `<name>-admin`. */
  readonly name: string;
  readonly server: string;
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
  /** What the user is called in it. Default: the name with `-admin`. */
  readonly user?: string;
}

/** A kubeconfig with one cluster, one user and one context, everything embedded. Holds a private key. */
export function buildKubeconfig(options: KubeconfigOptions): string {
  const { name, server } = options;
  const user = options.user ?? `${name}-admin`;
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { 'certificate-authority-data': encode(options.ca), server } }],
      users: [
        {
          name: user,
          user: {
            'client-certificate-data': encode(options.clientCert),
            'client-key-data': encode(options.clientKey),
          },
        },
      ],
      contexts: [{ name, context: { cluster: name, user } }],
      'current-context': name,
      preferences: {},
    },
    { lineWidth: 0 },
  );
}

export interface LoadOptions {
  /** Default: the current one. */
  readonly context?: string;
  /** Reads files that the kubeconfig names instead of embedding them. */
  readonly readFile?: (path: string) => string;
}

/** @throws Error saying what is missing or not supported */
export function loadKubeconfig(text: string, options: LoadOptions = {}): ClusterAccess {
  const config = parseConfig(text);
  const context = options.context ?? config['current-context'] ?? '';
  if (context === '') throw new Error('the kubeconfig has no current context');
  const chosen = find(config.contexts, context, 'context').context ?? {};
  const cluster = find(config.clusters, chosen.cluster ?? '', 'cluster').cluster ?? {};
  const user = chosen.user === undefined ? {} : (find(config.users, chosen.user, 'user').user ?? {});
  for (const unsupported of ['exec', 'auth-provider', 'username']) {
    if (unsupported in user) throw new Error(`the kubeconfig logs in with ${unsupported}, which is not supported`);
  }
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw new Error('the kubeconfig asks not to verify the server, which is not supported');
  }
  const { server } = cluster;
  if (typeof server !== 'string') throw new Error(`the cluster of context ${context} has no server`);
  const optional = {
    ca: pem(cluster, 'certificate-authority', options),
    clientCert: pem(user, 'client-certificate', options),
    clientKey: pem(user, 'client-key', options),
    token: typeof user['token'] === 'string' ? user['token'] : undefined,
    namespace: chosen.namespace,
  };
  const given = Object.entries(optional).filter(([, value]) => value !== undefined);
  return { context, server, ...Object.fromEntries(given) };
}

/**
 * Adds the clusters, users and contexts of one kubeconfig to another, whose comments, order and current context stay.
 * Entries of the same cluster (same server or same authority) are replaced.
 * @throws Error if a name is taken by something else
 */
export function mergeKubeconfig(existing: string, added: string): string {
  if (existing.trim() === '') return added;
  const before = parseConfig(existing);
  const fresh = parseConfig(added);
  const known = new Set((fresh.clusters ?? []).filter((entry) => isSameCluster(before, entry)).map(({ name }) => name));
  const clusterOf = new Map((fresh.contexts ?? []).map((entry) => [entry.name, entry.context?.cluster ?? '']));
  const userCluster = new Map(
    (fresh.contexts ?? []).map((entry) => [entry.context?.user ?? '', entry.context?.cluster ?? '']),
  );
  const document = parseDocument(existing);
  for (const entry of fresh.clusters ?? []) put(document, 'clusters', entry, { replace: known.has(entry.name) });
  for (const entry of fresh.users ?? [])
    put(document, 'users', entry, { replace: known.has(userCluster.get(entry.name) ?? '') });
  for (const entry of fresh.contexts ?? [])
    put(document, 'contexts', entry, { replace: known.has(clusterOf.get(entry.name) ?? '') });
  if ((before['current-context'] ?? '') === '') document.set('current-context', fresh['current-context'] ?? '');
  return document.toString({ lineWidth: 0 });
}

function isSameCluster(before: Kubeconfig, entry: Named & { readonly cluster?: Record<string, unknown> }): boolean {
  const old = (before.clusters ?? []).find((candidate) => candidate.name === entry.name)?.cluster;
  if (old === undefined) return false;
  const authority = 'certificate-authority-data';
  const sameAuthority = old[authority] !== undefined && old[authority] === entry.cluster?.[authority];
  return sameAuthority || old['server'] === entry.cluster?.['server'];
}

function put(document: Document, section: string, entry: Named, { replace }: { readonly replace: boolean }): void {
  let list = document.get(section);
  if (!isSeq(list)) document.set(section, (list = new YAMLSeq()));
  if (!isSeq(list)) throw new Error(`the kubeconfig has no list of ${section}`);
  const node = document.createNode(entry);
  const index = list.items.findIndex((item) => isMap(item) && item.get('name') === entry.name);
  if (index < 0) list.add(node);
  else if (replace) list.items[index] = node;
  else throw new Error(`the kubeconfig already has another entry named ${entry.name} under ${section}`);
}

function parseConfig(text: string): Kubeconfig {
  const value: unknown = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('this is not a kubeconfig');
  for (const section of ['clusters', 'users', 'contexts'] as const) {
    const list = (value as Kubeconfig)[section] ?? [];
    if (!Array.isArray(list)) throw new Error(`the kubeconfig has no list of ${section}`);
  }
  return value;
}

function find<T extends Named>(entries: readonly T[] | null | undefined, name: string, what: string): T {
  const entry = (entries ?? []).find((candidate) => candidate.name === name);
  if (entry === undefined) throw new Error(`the kubeconfig has no ${what} named ${JSON.stringify(name)}`);
  return entry;
}

function pem(from: Record<string, unknown>, field: string, options: LoadOptions): string | undefined {
  const data = from[`${field}-data`];
  if (typeof data === 'string') return Buffer.from(data, 'base64').toString();
  const path = from[field];
  if (typeof path !== 'string') return undefined;
  if (options.readFile === undefined)
    throw new Error(`the kubeconfig names a file as ${field}; only embedded data can be read here`);
  return options.readFile(path);
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}
