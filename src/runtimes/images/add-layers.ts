import type { DiskFigures } from '../image-service.ts';
import { checked, decompressed } from './blob-stream.ts';
import type { ImageStore, StoredImage } from './image-store.ts';
import { UnpackBudget } from './unpack-budget.ts';
import { unpackLayer } from './unpack-layer.ts';

/** A layer as it comes, compressed or not. */
export interface PackedLayer {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly packedBytes: number;
}

export interface AddLayersOptions {
  readonly store: ImageStore;
  /** Opens one layer; 0 is the lowest. */
  readonly open: (index: number) => PackedLayer;
  readonly disk: () => Promise<DiskFigures>;
  /** See `UnpackBudgetOptions`. */
  readonly allowedBytes?: number | undefined;
}

/** Unpacks what is missing of an image's layers. */
export async function addLayers(image: StoredImage, options: AddLayersOptions): Promise<void> {
  const { store, open, disk, allowedBytes } = options;
  const layers = store.layersOf(image);
  for (const [index, diffId] of image.diffIds.entries()) {
    await store.addLayer(layers[index]!, async (directory) => {
      const { bytes, packedBytes } = open(index);
      const tar = checked(decompressed(bytes), diffId, `layer ${index} without compression`);
      const budget = new UnpackBudget({ what: `layer ${index}`, packedBytes, allowedBytes, disk });
      await unpackLayer(tar, directory, { below: layers.slice(0, index), budget });
    });
  }
}
