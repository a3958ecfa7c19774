import type { KindDefinition } from '../kind.ts';
import type { KindCatalog } from '../operations.ts';
import type { ReviewDefinition } from '../review.ts';

/** Finds kinds by where they live and by what they are called. Later definitions of the same place win. */
export function createCatalog(
  kinds: readonly KindDefinition[],
  reviews: readonly ReviewDefinition[] = [],
): KindCatalog {
  const byPlace = new Map<string, KindDefinition>();
  const byName = new Map<string, KindDefinition>();
  for (const kind of kinds) {
    const { group, version, resource, kind: name } = kind.resource;
    byPlace.set(`${group}/${version}/${resource}`, kind);
    byName.set(`${group}/${name}`, kind);
  }
  const reviewByPlace = new Map(
    reviews.map((review) => {
      const { group, version, resource } = review.resource;
      return [`${group}/${version}/${resource}`, review] as const;
    }),
  );
  return {
    all: kinds,
    find: (group, version, resource) => byPlace.get(`${group}/${version}/${resource}`),
    byKind: (group, kind) => byName.get(`${group}/${kind}`),
    reviews,
    findReview: (group, version, resource) => reviewByPlace.get(`${group}/${version}/${resource}`),
  };
}
