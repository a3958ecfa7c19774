import { apiVersionOf, type Resource } from '../../api/index.ts';
import type { Extension, ExtensionObjects } from '../extension.ts';
import type { KindCatalog } from '../operations.ts';
import type { KindDefinition } from '../kind.ts';
import type { ReviewDefinition } from '../review.ts';
import { subresources } from './subresources.ts';

/** One group with the kinds of its versions, the preferred version first. The core group's name is empty. */
export interface ApiGroup {
  readonly name: string;
  readonly versions: readonly ApiGroupVersion[];
}

export interface ApiGroupVersion {
  readonly version: string;
  readonly kinds: readonly KindDefinition[];
  readonly reviews: readonly ReviewDefinition[];
  /** Those that are made when they are asked for. */
  readonly made: ExtensionObjects['resources'];
}

interface GroupContent {
  readonly kinds: KindDefinition[];
  readonly reviews: ReviewDefinition[];
  made: ExtensionObjects['resources'];
}

/** The served groups in the order in which the kinds are listed, the core group first. */
export function groupsOf(catalog: KindCatalog, extensions: readonly Extension[] = []): readonly ApiGroup[] {
  const groups = new Map<string, Map<string, GroupContent>>([['', new Map()]]);
  const contentOf = ({ group, version }: Pick<Resource, 'group' | 'version'>): GroupContent => {
    const versions = groups.get(group) ?? new Map<string, GroupContent>();
    groups.set(group, versions);
    const content = versions.get(version) ?? { kinds: [], reviews: [], made: [] };
    versions.set(version, content);
    return content;
  };
  for (const kind of catalog.all) contentOf(kind.resource).kinds.push(kind);
  for (const review of catalog.reviews) contentOf(review.resource).reviews.push(review);
  for (const { objects } of extensions) if (objects !== undefined) contentOf(objects).made = objects.resources;
  return [...groups].map(([name, versions]) => ({
    name,
    versions: [...versions].map(([version, content]) => ({ version, ...content })),
  }));
}

const resourceVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** What can be done with objects of a kind, by name. */
export function verbsOf({ deletion }: KindDefinition): readonly string[] {
  return deletion?.oneByOne === true ? resourceVerbs.filter((verb) => verb !== 'deletecollection') : resourceVerbs;
}

/** As upstream, what discovery tells of a subresource are its methods, whatever right they ask for. */
const verbOfMethod: Readonly<Record<string, string>> = { GET: 'get', POST: 'create', PUT: 'update' };
export const statusVerbs = ['get', 'patch', 'update'];

/** A subresource as discovery names it. */
export interface SubresourceEntry {
  readonly name: string;
  readonly kind: string;
  readonly kindIn?: { readonly group: string; readonly version: string };
  readonly verbs: readonly string[];
}

/** `/status` and parts if the kind has them, and those with a law of their own; by name. */
export function subresourcesOf(kind: KindDefinition): readonly SubresourceEntry[] {
  const { group, resource } = kind.resource;
  const own = subresources.filter((one) => one.resource === resource && one.group === group);
  const parts = [...(kind.hasStatus ? ['status'] : []), ...Object.keys(kind.parts ?? {})];
  const entries = [
    ...own.map(({ name, kind: ofKind, kindIn, methods }) => {
      const verbs = Object.keys(methods)
        .map((method) => verbOfMethod[method] ?? '')
        .sort();
      return { name, kind: ofKind, ...(kindIn && { kindIn }), verbs };
    }),
    ...parts.map((name) => ({ name, kind: kind.resource.kind, verbs: statusVerbs })),
  ];
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `/api` as it was before aggregated discovery. */
export function coreVersions(): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

/** `/apis` as it was before aggregated discovery. */
export function groupList(groups: readonly ApiGroup[]): object {
  const named = groups.filter((group) => group.name !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(groupEntry) };
}

/** `/apis/<group>`. */
export function groupDocument(group: ApiGroup): object {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) };
}

function groupEntry(group: ApiGroup): object {
  const versions = group.versions.map(({ version }) => ({ groupVersion: `${group.name}/${version}`, version }));
  return { name: group.name, versions, preferredVersion: versions[0] };
}

/** `/api/v1` and `/apis/<group>/<version>`. */
export function resourceList(group: ApiGroup, of: ApiGroupVersion): object {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group: group.name, version: of.version }),
    resources: [...of.kinds.flatMap(resourceRows), ...of.reviews.map(reviewRow), ...of.made.map(madeRow)],
  };
}

function resourceRows(kind: KindDefinition): object[] {
  const { resource, namespaced } = kind.resource;
  const main = {
    name: resource,
    singularName: kind.singular,
    namespaced,
    kind: kind.resource.kind,
    verbs: verbsOf(kind),
    ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories === undefined ? {} : { categories: kind.categories }),
  };
  const others = subresourcesOf(kind).map((entry) => {
    const { kind: ofKind, kindIn, verbs } = entry;
    return { name: `${resource}/${entry.name}`, singularName: '', namespaced, ...kindIn, kind: ofKind, verbs };
  });
  return [main, ...others];
}

const reviewVerbs = ['create'];

function reviewRow({ resource: { resource, namespaced, kind }, singular }: ReviewDefinition): object {
  return { name: resource, singularName: singular, namespaced, kind, verbs: reviewVerbs };
}

function madeRow({ resource, singular, namespaced, kind, verbs }: ExtensionObjects['resources'][number]): object {
  return { name: resource, singularName: singular, namespaced, kind, verbs };
}

/** apidiscovery.k8s.io/v2: everything about some groups in one document. */
export function aggregatedDiscovery(groups: readonly ApiGroup[]): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => ({
      metadata: group.name === '' ? {} : { name: group.name },
      versions: group.versions.map(({ version, kinds, reviews, made }) => ({
        version,
        resources: [
          ...kinds.map(resourceDiscovery),
          ...reviews.map(reviewDiscovery),
          ...made.map((one) => madeDiscovery({ group: group.name, version }, one)),
        ],
        freshness: 'Current',
      })),
    })),
  };
}

function resourceDiscovery(kind: KindDefinition): object {
  const { group, version, resource, namespaced } = kind.resource;
  const entries = subresourcesOf(kind);
  return {
    resource,
    responseKind: { group, version, kind: kind.resource.kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories === undefined ? {} : { categories: kind.categories }),
    ...(entries.length === 0 ? {} : { subresources: entries.map((entry) => subresourceDiscovery(kind, entry)) }),
  };
}

function reviewDiscovery({ resource: of, singular }: ReviewDefinition): object {
  const { group, version, resource, kind, namespaced } = of;
  return {
    resource,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: reviewVerbs,
  };
}

function madeDiscovery(
  of: { readonly group: string; readonly version: string },
  { resource, singular, namespaced, kind, verbs }: ExtensionObjects['resources'][number],
): object {
  return {
    resource,
    responseKind: { ...of, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs,
  };
}

function subresourceDiscovery(kind: KindDefinition, entry: SubresourceEntry): object {
  const { group, version } = entry.kindIn ?? kind.resource;
  return { subresource: entry.name, responseKind: { group, version, kind: entry.kind }, verbs: entry.verbs };
}
