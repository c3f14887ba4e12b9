import { z } from 'zod';
import { prettyJson } from '../../../runtime/base/digest.ts';
import { parseJson } from '../../../runtime/base/parse-json.ts';
import { derivativeDescription } from '../../bids/derivative-description.ts';
import type { DefacedNifti, NoFace } from '../../deface/deface-nifti.ts';
import { DEFACING, DEFACING_README, FACE_MASK_SIDECAR, REMOVAL } from '../../deface/words.ts';
import { gzipNifti } from '../../nifti/write.ts';
import type { ProblemCode } from '../problems.ts';
import type { TargetTree } from './target.ts';
import { authorsOf, type DatasetWords } from './texts.ts';

/** What became of the face in each image. */
const REPORT = 'code/defacing.tsv';
const COLUMNS = ['file', 'face', 'removed_ml', 'brain_ml'] as const;
const NONE = 'n/a';

/** What became of the face in one image. */
export type ImageFace =
  | { readonly outcome: 'kept' }
  | {
      /** `none`: nothing that is brighter than air lay there. */
      readonly outcome: 'removed' | 'none';
      readonly removedMl: number;
      readonly brainMl: number;
      /** Bytes of a .nii.gz. */
      readonly mask: Uint8Array;
    };

export async function imageFace(defaced: DefacedNifti | undefined): Promise<ImageFace> {
  if (!defaced) return { outcome: 'kept' };
  const { tissueMl, brainMl, mask } = defaced;
  const outcome = tissueMl > 0 ? 'removed' : 'none';
  return { outcome, removedMl: tissueMl, brainMl, mask: await gzipNifti(mask) };
}

/** How a series is refused whose faces cannot be removed. */
export function faceProblem(fault: NoFace): ProblemCode {
  return fault === 'cut' ? 'head_cut' : 'no_head';
}

/** For DeidentificationMethod of one image. */
export function faceMethod({ outcome }: ImageFace): string {
  if (outcome === 'kept') return 'Faces are not removed';
  const where = outcome === 'none' ? ' (nothing that is brighter than air lay there)' : '';
  return `Where a face would be, ${REMOVAL}${where}`;
}

/** Writes the mask of what was removed from `path`, the image's without its ending, and what is said of all masks. */
export async function addFaceMask(
  tree: TargetTree,
  path: string,
  { mask }: { mask: Uint8Array },
): Promise<void> {
  const file = `${DEFACING}/${path.replace(/_([A-Za-z0-9]+)$/, '_desc-face$1_mask')}`;
  await tree.add(`${file}.nii.gz`, mask);
  const sources = [`bids:raw:${path}.nii.gz`];
  await tree.add(`${file}.json`, prettyJson({ ...FACE_MASK_SIDECAR, Sources: sources }));
}

interface Defacing {
  /** Of new images by path. */
  readonly faces: ReadonlyMap<string, ImageFace>;
  readonly words: DatasetWords;
  /** For DeidentificationMethod, without what is said of faces. */
  readonly method: readonly string[];
}

/** What concerns faces and no single image. Images of imports that left faces in say so from now on. */
export async function addDefacing(tree: TargetTree, { faces, words, method }: Defacing): Promise<void> {
  await nameKeptFaces(tree, method);
  await tree.add(REPORT, reportTable(await tree.earlier(REPORT), faces));
  if ((await tree.files()).some((file) => file.startsWith(`${DEFACING}/sub-`))) {
    await tree.add(`${DEFACING}/dataset_description.json`, prettyJson(description(words)));
    await tree.add(`${DEFACING}/README`, DEFACING_README);
  }
}

/** Earlier versions said how images were de-identified once, for all of them, and left faces in. */
async function nameKeptFaces(tree: TargetTree, method: readonly string[]): Promise<void> {
  for (const file of await tree.files()) {
    if (!/^sub-.*\.json$/.test(file)) continue;
    const said = sidecarSchema.parse(parseJson(new TextDecoder().decode(await tree.read(file))));
    if (said.DeidentificationMethod !== undefined) continue;
    const kept = [...method, faceMethod({ outcome: 'kept' })];
    await tree.add(file, prettyJson({ ...said, DeidentificationMethod: kept }));
  }
}

const sidecarSchema = z.record(z.string(), z.unknown());

/** One row an image: those of the data set as it was, and those that are new. */
function reportTable(earlier: string | undefined, faces: ReadonlyMap<string, ImageFace>): string {
  const rows = new Map(
    (earlier ?? '')
      .split('\n')
      .slice(1)
      .filter((line) => line !== '')
      .map((line) => [line.split('\t')[0] ?? '', line]),
  );
  for (const [path, face] of faces) {
    const file = `${path}.nii.gz`;
    const amounts =
      face.outcome === 'kept' ? [NONE, NONE] : [face.removedMl.toFixed(1), face.brainMl.toFixed(0)];
    rows.set(file, [file, face.outcome, ...amounts].join('\t'));
  }
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  return `${[COLUMNS.join('\t'), ...sorted].join('\n')}\n`;
}

function description(words: DatasetWords): object {
  return derivativeDescription({
    name: `${words.name}: what was removed with faces`,
    license: words.license,
    authors: authorsOf(words),
    made: 'preprocess bids --dicom-map: voxels that were removed with faces',
    link: '../..',
  });
}
