import { join } from 'node:path';
import { type WrittenFile, writeFile } from '../../bids/partial-tree.ts';
import { withNifti } from '../../nifti/read.ts';
import { encodeNifti, gzipNifti } from '../../nifti/write.ts';
import { type Grid, gridDifference } from '../../volume/grid.ts';
import { type NoFace, placedVolume, regionIn, removeVoxels, storedIn } from '../deface-nifti.ts';
import { type CutFace, faceMaskFiles } from '../face-record.ts';
import type { Face } from '../find-face.ts';
import { MOST_BRAIN_ML, regionOf, tissueOf } from '../remove-face.ts';

/** A face that was found in an image of a session. */
export interface KnownFace {
  readonly grid: Grid;
  readonly face: Face;
}

/** One image of a data set; plain data, so that it can go to another thread. */
export interface DefaceTask {
  readonly root: string;
  /** Below the data set. */
  readonly path: string;
  /** Folder of the new data set. */
  readonly tree: string;
  /** Its sidecar says that only the brain is left. */
  readonly isStripped: boolean;
  /** Whether a head is looked for in it. */
  readonly looks: boolean;
  /** Whether a mask of what was removed is written. */
  readonly hasMask: boolean;
  /** Faces of other images of the session. */
  readonly known: readonly KnownFace[];
}

export type DefaceAnswer =
  | { readonly fault: NoFace }
  /** Nothing is written of these. */
  | { readonly outcome: 'slice' | 'stripped' }
  | (CutFace & { readonly known: KnownFace; readonly written: readonly WrittenFile[] });

/**
 * Takes the face out of one image and writes it with a mask of what was removed. Where no face is found in it (a phase image), or looked for (labels), that
 * of another image on its grid is taken. NaN counts as 0 and stays.
 * @throws NF_NIFTI_*, NF_PATH_*
 */
export async function defaceImage(task: DefaceTask): Promise<DefaceAnswer> {
  const { root, path, tree, isStripped, looks, hasMask, known } = task;
  return withNifti(join(root, path), { nanToZero: true }, async ({ image, bytes }) => {
    if (Math.min(...[0, 1, 2].map((axis) => image.shape[axis] ?? 1)) < 2) return { outcome: 'slice' };
    const volume = placedVolume(image);
    // More than a brain is no brain alone, whatever the sidecar says.
    if (isStripped && tissueOf(volume) <= MOST_BRAIN_ML) return { outcome: 'stripped' };
    const grid = { shape: volume.shape, affine: volume.affine };
    const found = looks ? regionIn(image, volume) : 'no_brain';
    const shared = known.find((one) => !gridDifference(one.grid, grid));
    const region = typeof found === 'string' && shared ? regionOf(volume, shared.face) : found;
    if (typeof region === 'string') return { fault: region };
    removeVoxels(bytes, storedIn(image), region.mask);
    const content = path.endsWith('.gz') ? await gzipNifti(bytes) : bytes;
    const written: WrittenFile[] = [await writeFile(tree, path, content)];
    const mask = hasMask && (await gzipNifti(encodeNifti({ ...grid, data: region.mask })));
    for (const [file, own] of mask ? faceMaskFiles(path, mask) : [])
      written.push(await writeFile(tree, file, own));
    const { face, tissueMl: removedMl } = region;
    const outcome = removedMl > 0 ? 'removed' : 'none';
    return { outcome, removedMl, brainMl: face.brainMl, known: { grid, face }, written };
  });
}
