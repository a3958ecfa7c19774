/**
 * The tag of an image: `latest` when there is neither tag nor digest, empty when there is only a digest or no name.
 * Upstream: util/parsers `ParseImageName`.
 */
export function imageTag(image: string): string {
  if (image === '') return '';
  const digestAt = image.indexOf('@');
  const named = digestAt < 0 ? image : image.slice(0, digestAt);
  // A colon before the last slash belongs to the registry's port.
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  if (colon >= 0) return named.slice(colon + 1);
  return digestAt < 0 ? 'latest' : '';
}

/** Moving tags are pulled always. */
export function defaultPullPolicy(image: string | undefined): string {
  return imageTag(image ?? '') === 'latest' ? 'Always' : 'IfNotPresent';
}
