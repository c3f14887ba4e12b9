import { basename, join } from 'node:path';
import { derivativeDescription } from '../../../preprocess/bids/derivative-description.ts';
import { parseImageName } from '../../../preprocess/bids/image-name.ts';
import type { Affine } from '../../../preprocess/nifti/affine.ts';
import { encodeNifti, gzipNifti } from '../../../preprocess/nifti/write.ts';
import { prettyJson } from '../../base/digest.ts';
import { requireOwnPlace, writeInside } from '../../base/files/no-links.ts';
import { PREDICTIONS_FILE } from '../result.ts';
import type { MaskPrediction } from './mask-prediction.ts';

/** Labels on the grid of an image. */
export interface LabelledImage {
  readonly shape: readonly [number, number, number];
  readonly affine: Affine;
  readonly data: Uint8Array;
}

/** Writes masks one after the other, and what they are when all are there. */
export interface MaskWriter {
  /** @returns its path below the folder */
  add(
    of: { readonly subject: string; readonly source: string; readonly paths: readonly string[] },
    image: LabelledImage,
  ): Promise<string>;
  end(prediction: MaskPrediction): Promise<void>;
}

const DESC = 'prediction';

/**
 * A BIDS derivative (BIDS 1.11, "Imaging data types: segmentations"): `sub-01/anat/sub-01_desc-prediction_dseg.nii.gz`, what its values stand for in
 * `desc-prediction_dseg.tsv`, `dataset_description.json`, and beside them `predictions.tsv` and `predictions.json`.
 * @throws NF_PATH_LINK
 */
export async function writeMaskPrediction(folder: string, labels: readonly string[]): Promise<MaskWriter> {
  await requireOwnPlace(folder, PREDICTIONS_FILE);
  const names = new Set<string>();
  return {
    add: async ({ subject, source, paths }, image) => {
      const path = placeOf({ subject, source, first: paths[0] ?? '' }, names);
      await writeInside(folder, path, await gzipNifti(encodeNifti(image)));
      return path;
    },
    end: async (prediction) => {
      const rows = labels.map((name, at) => `${at + 1}\t${name}\n`);
      await writeInside(folder, `desc-${DESC}_dseg.tsv`, `index\tname\n0\tbackground\n${rows.join('')}`);
      const description = derivativeDescription({
        name: 'Predicted masks',
        license: 'n/a',
        authors: [],
        made: `Labels of voxels by a network (neuroflare predict); sha256 of its parameters ${prediction.model.sha256}`,
        link: '../..',
      });
      await writeInside(folder, 'dataset_description.json', prettyJson(description));
      await writeInside(folder, PREDICTIONS_FILE, tableOf(prediction));
      await writeInside(folder, 'predictions.json', prettyJson(prediction));
    },
  };
}

/** By the entities of its image where it has a name of BIDS; else by what letters and digits its name has. */
function placeOf(
  { subject, source, first }: { readonly subject: string; readonly source: string; readonly first: string },
  names: Set<string>,
): string {
  const own = parseImageName(basename(source.split(' + ')[0] ?? '')) ?? parseImageName(basename(first));
  const entities = own
    ? [...own.entities].filter(([entity]) => entity !== 'desc')
    : [['sub', subject.replace(/^sub-/, '').replace(/[^0-9A-Za-z]/g, '') || 'unnamed'] as const];
  const value = (wanted: string) => entities.find(([entity]) => entity === wanted)?.[1];
  const session = value('ses');
  const below = join(`sub-${value('sub')}`, ...(session === undefined ? [] : [`ses-${session}`]), 'anat');
  const stem = entities.map(([entity, text]) => `${entity}-${text}`).join('_');
  for (let nth = 1; ; nth++) {
    const name = `${stem}${nth === 1 ? '' : `_rec-${nth}`}_desc-${DESC}_dseg.nii.gz`;
    const path = join(below, name);
    if (names.has(path)) continue;
    names.add(path);
    return path;
  }
}

function tableOf({ images, labels }: MaskPrediction): string {
  const header = [
    'subject',
    'source',
    'mask',
    ...labels.flatMap(({ name }) => [`volume_ml_${name}`, `parts_${name}`]),
  ];
  const rows = images.map((one) => [
    one.subject,
    one.source,
    one.mask ?? 'n/a',
    ...labels.flatMap(({ name }) => [(one.volume_ml[name] ?? 0).toFixed(3), String(one.parts[name] ?? 0)]),
  ]);
  return [header, ...rows].map((row) => `${row.map(clean).join('\t')}\n`).join('');
}

/** A file name may hold what would break the table. */
function clean(cell: string): string {
  return cell.replace(/[\x00-\x1f\x7f]/g, (character) => encodeURIComponent(character));
}
