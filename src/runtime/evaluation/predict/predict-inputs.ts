import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findImages } from '../../../preprocess/bids/layout.ts';
import { readParticipants } from '../../../preprocess/bids/participants.ts';
import { convertPicture, encodeSlice } from '../../../preprocess/bids/picture-file.ts';
import { linkFault } from '../../../preprocess/content/absent.ts';
import { PictureError } from '../../../preprocess/image/fault.ts';
import { flError } from '../../base/errors/errors.ts';
import { putFile } from '../../base/files/files.ts';
import { readInput } from '../../base/files/read-file.ts';

/** One image to be predicted. */
export interface PredictImage {
  /** The participant, or the file's name without ending. */
  readonly subject: string;
  /** As the user named it. */
  readonly source: string;
  /** NIfTI to read. */
  readonly path: string;
}

export interface PredictInputs {
  readonly images: readonly PredictImage[];
  /** Removes what was made for reading pictures. */
  close(): Promise<void>;
}

const PICTURE = /\.(jpe?g|png)$/i;
const NIFTI = /\.nii(\.gz)?$/i;

/**
 * Images from files and BIDS folders. JPEG and PNG pictures go through the steps of `preprocess bids`; a data set's set-aside images are
 * predicted, too.
 * @param headMask whether pictures are cropped to the head, as the training images were
 * @throws NF_PREDICT_INPUT, NF_PREDICT_PICTURE, NF_BIDS_*
 */
export async function openInputs(paths: readonly string[], headMask: boolean): Promise<PredictInputs> {
  const folder = await mkdtemp(join(tmpdir(), 'neuroflare-predict-'));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    const images: PredictImage[] = [];
    for (const [at, path] of paths.entries()) {
      images.push(...(await imagesOf(path, { folder: join(folder, String(at)), headMask })));
    }
    const subject = firstTwice(images.map((image) => `${image.subject}\n${image.source}`));
    if (subject !== undefined)
      throw flError('NF_PREDICT_INPUT', { path: subject, reason: 'it is given twice' });
    return { images, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function imagesOf(
  path: string,
  { folder, headMask }: { folder: string; headMask: boolean },
): Promise<PredictImage[]> {
  const found = await stat(path).catch(async (cause: unknown) => {
    const fault = await linkFault(path);
    if (fault) throw fault;
    throw flError('NF_PATH_MISSING', { what: 'Image', path }, { place: { file: path }, cause });
  });
  if (found.isDirectory()) return imagesOfDataset(path);
  if (NIFTI.test(path)) return [{ subject: basename(path).replace(NIFTI, ''), source: path, path }];
  if (PICTURE.test(path)) {
    const made = `${folder}.nii.gz`;
    await putFile(made, await convert(path, headMask));
    return [{ subject: basename(path).replace(PICTURE, ''), source: path, path: made }];
  }
  throw flError('NF_PREDICT_INPUT', { path, reason: 'it ends in none of .nii, .nii.gz, .jpg, .jpeg, .png' });
}

async function imagesOfDataset(root: string): Promise<PredictImage[]> {
  const images: PredictImage[] = [];
  for (const { id } of (await readParticipants(root)).rows) {
    for (const path of await findImages(root, id)) images.push({ subject: id, source: path, path });
  }
  return images;
}

async function convert(path: string, headMask: boolean): Promise<Uint8Array> {
  try {
    const { image } = await convertPicture(await readInput(path), { size: undefined, headMask });
    return await encodeSlice(image);
  } catch (cause) {
    if (!(cause instanceof PictureError)) throw cause;
    const params = { path, reason: cause.code, detail: cause.message };
    throw flError('NF_PREDICT_PICTURE', params, { place: { file: path }, cause });
  }
}

function firstTwice(items: readonly string[]): string | undefined {
  return items.find((item, at) => items.indexOf(item) !== at)?.split('\n')[1];
}
