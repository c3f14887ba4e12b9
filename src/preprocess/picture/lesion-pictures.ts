import { join } from 'node:path';
import { listDerivatives } from '../bids/derivatives.ts';
import { namesIn } from '../bids/names-in.ts';
import { readNifti } from '../nifti/read.ts';
import { readNiftiAs } from '../nifti/series.ts';
import { cutSlabs, findHead, headBox, takeSlab, uprightOf } from './axial-slices.ts';
import { findWindow } from './intensity.ts';
import { arrange, tileSide } from './montage.ts';
import type { PictureOptions } from './pictures.ts';
import { resample } from './resample.ts';

const LESION_MASK = /_desc-lesion_mask\.nii(\.gz)?$/;

/** The lesion mask of a participant in some derivative of the data set; undefined where there is none. */
export async function findLesionMask(bidsRoot: string, participantId: string): Promise<string | undefined> {
  for (const derivative of await listDerivatives(bidsRoot)) {
    const subject = join(derivative, participantId);
    const sessions = (await namesIn(subject)).filter((entry) => entry.startsWith('ses-'));
    for (const folder of [subject, ...sessions.map((session) => join(subject, session))]) {
      const anat = join(folder, 'anat');
      const file = (await namesIn(anat)).find((entry) => LESION_MASK.test(entry));
      if (file !== undefined) return join(anat, file);
    }
  }
  return undefined;
}

/**
 * The lesion as the network would see it in the montage of `readPictures`: for each pixel the share that is lesion, 0 to 1. Undefined
 * where the mask has another grid than the image, or a volume that was seen as a whole has fewer planes than slabs are shown of it.
 */
export async function readLesionPicture(
  imagePath: string,
  maskPath: string,
  { imageSize, slices, layout, ...readAs }: PictureOptions,
): Promise<Float32Array | undefined> {
  const [image, mask] = [await readNiftiAs(imagePath, readAs), await readNifti(maskPath)];
  const window = findWindow(image.data);
  if (!window || image.shape.join() !== mask.shape.join()) return undefined;
  const head = findHead(uprightOf(image), window.threshold);
  const lesion = { ...uprightOf({ ...mask, affine: image.affine }), outline: head.outline };
  const slabs = cutSlabs(head, slices);
  if (layout === 'volume' && slabs.length < slices) return undefined;
  const side = tileSide(imageSize, slabs.length);
  const box = headBox(head);
  const tiles = slabs.map((slab) =>
    resample(
      takeSlab(lesion, slab, (value) => (value > 0 ? 1 : 0)),
      box,
      side,
    ),
  );
  return arrange(tiles, new Float32Array(imageSize * imageSize));
}
