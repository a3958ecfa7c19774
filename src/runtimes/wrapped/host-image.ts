/** The image that says openly: run on the host's own files. */
export const hostImage = 'rondo.dev/host';

/** Whatever its tag: the host is what it is. */
export function isHostImage(image: string): boolean {
  return image === hostImage || image.startsWith(`${hostImage}:`);
}
