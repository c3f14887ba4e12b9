import { prettyJson } from '../../runtime/base/digest.ts';
import { derivativeDescription } from '../bids/derivative-description.ts';
import { gzipNifti } from '../nifti/write.ts';
import type { DefacedNifti } from './deface-nifti.ts';
import { DEFACING, DEFACING_README, FACE_MASK_SIDECAR, REMOVAL } from './words.ts';

/** What became of the face in each image of a data set. */
export const REPORT = 'code/defacing.tsv';
const COLUMNS = ['file', 'face', 'removed_ml', 'brain_ml'] as const;
const NONE = 'n/a';

/** What was removed from one image; `none`: nothing that is brighter than air lay there. */
export interface CutFace {
  readonly outcome: 'removed' | 'none';
  readonly removedMl: number;
  readonly brainMl: number;
}

/** What became of the face in one image. */
export type ImageFace =
  | { readonly outcome: 'kept' }
  | (CutFace & {
      /** Bytes of a .nii.gz. */
      readonly mask: Uint8Array;
    });

export async function imageFace(defaced: DefacedNifti | undefined): Promise<ImageFace> {
  if (!defaced) return { outcome: 'kept' };
  const { tissueMl, brainMl, mask } = defaced;
  const outcome = tissueMl > 0 ? 'removed' : 'none';
  return { outcome, removedMl: tissueMl, brainMl, mask: await gzipNifti(mask) };
}

/** For DeidentificationMethod of one image. */
export function faceMethod({ outcome }: Pick<ImageFace, 'outcome'>): string {
  if (outcome === 'kept') return 'Faces are not removed';
  const where = outcome === 'none' ? ' (nothing that is brighter than air lay there)' : '';
  return `Where a face would be, ${REMOVAL}${where}`;
}

/** A mask of what was removed from an image, named by its path, and the mask's sidecar; each with its path. */
export function faceMaskFiles(
  image: string,
  mask: Uint8Array,
): [file: string, content: Uint8Array | string][] {
  const name = /(?:_desc-([^_]+))?_([A-Za-z0-9]+)\.nii(?:\.gz)?$/;
  const file = `${DEFACING}/${image.replace(name, namedMask)}`;
  const sources = [`bids:raw:${image}`];
  return [
    [`${file}.nii.gz`, mask],
    [`${file}.json`, prettyJson({ ...FACE_MASK_SIDECAR, Sources: sources })],
  ];
}

/** A name has one description: that of an image which has one goes into that of its mask. */
function namedMask(_: string, description: string | undefined, suffix: string): string {
  const own =
    description === undefined ? '' : `${description.charAt(0).toUpperCase()}${description.slice(1)}`;
  return `_desc-face${own}${suffix}_mask`;
}

/** A row of the report. */
export type FaceRow = { readonly outcome: string } | CutFace;

/** One row an image: those of the data set as it was, and those that are new, by file. */
export function reportTable(earlier: string | undefined, faces: ReadonlyMap<string, FaceRow>): string {
  const rows = new Map(
    (earlier ?? '')
      .split('\n')
      .slice(1)
      .filter((line) => line !== '')
      .map((line) => [line.split('\t')[0] ?? '', line]),
  );
  for (const [file, face] of faces) {
    const amounts = 'removedMl' in face ? [face.removedMl.toFixed(1), face.brainMl.toFixed(0)] : [NONE, NONE];
    rows.set(file, [file, face.outcome, ...amounts].join('\t'));
  }
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  return `${[COLUMNS.join('\t'), ...sorted].join('\n')}\n`;
}

interface DefacingWords {
  /** Of the data set. */
  readonly name: string;
  readonly license: string;
  readonly authors: readonly string[];
  /** Command that removed the faces. */
  readonly command: string;
}

/** What describes the derivative with the masks, by path. */
export function defacingTexts({ name, license, authors, command }: DefacingWords): [string, string][] {
  const description = derivativeDescription({
    name: `${name}: what was removed with faces`,
    license,
    authors,
    made: `${command}: voxels that were removed with faces`,
    link: '../..',
  });
  return [
    [`${DEFACING}/dataset_description.json`, prettyJson(description)],
    [`${DEFACING}/README`, DEFACING_README],
  ];
}
