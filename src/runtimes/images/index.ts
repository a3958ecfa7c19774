// Images without a daemon: pulled from registries or loaded from files, unpacked and kept as directories that an overlay
// takes. Promises: what has a name is whole and has the digests that it should; no archive writes outside its layer. Must
// not know Pods or containers.
export { createImageService, type ImageServiceOptions } from './create-image-service.ts';
export { listImages, loadImages, removeImage } from './load-archive.ts';
export type { StoredName } from './image-store.ts';
