import { findExamples } from '../../../preprocess/bids/layout.ts';
import { dilateMask } from '../../../preprocess/image/morphology.ts';
import { findLesionMask, readLesionPicture } from '../../../preprocess/picture/lesion-pictures.ts';
import { f32At } from '../../base/at.ts';
import { readAs, type Selection } from '../../base/selection/selection.ts';
import { silhouette } from '../../learning/controls/features.ts';
import type { ImageSetOptions } from '../../learning/dataset/image-set.ts';
import type { ClassEvaluation } from '../class-result.ts';
import { type Explained, shownSide } from './heat.ts';

/** Pixels with less of a lesion in them do not count as lesion. */
const IN_LESION = 0.25;

/**
 * How much of the heat lies in the lesion, grown by half of what one value of the map stands for, where the data set has masks (`*_desc-lesion_mask.nii.gz` in a derivative): beside the share
 * of the head that the lesion covers, which a map that knows nothing would reach. Null without masks.
 */
export async function measureLesionHeat(
  explained: readonly Explained[],
  { root, selection }: { root: string; selection: Selection },
  options: ImageSetOptions,
): Promise<ClassEvaluation['lesion_heat']> {
  const found: { inside: number; area: number; hit: boolean }[] = [];
  for (const one of explained) {
    const mask = await findLesionMask(root, one.id);
    const [[image] = []] = mask === undefined ? [] : await findExamples(root, one.id, selection);
    if (mask === undefined || image === undefined) continue;
    const shown = { ...options, imageSize: shownSide(options), ...readAs(selection) };
    const lesion = await readLesionPicture(image, mask, shown);
    const measured = lesion && measure(one, lesion);
    if (measured) found.push(measured);
  }
  if (found.length === 0) return null;
  const mean = (value: (one: (typeof found)[number]) => number) =>
    found.reduce((sum, one) => sum + value(one), 0) / found.length;
  return {
    subjects: found.length,
    inside: mean(({ inside }) => inside),
    area: mean(({ area }) => area),
    hits: mean(({ hit }) => (hit ? 1 : 0)),
  };
}

function measure({ grey, heat, side, cell }: Explained, lesion: Float32Array) {
  const size = { width: side, height: side };
  const seen = Uint8Array.from(lesion, (share) => (share >= IN_LESION ? 1 : 0));
  const near = dilateMask({ ...size, cells: seen }, Math.round(cell / 2)).cells;
  const head = silhouette(
    Uint8Array.from(grey, (value) => Math.round(255 * value)),
    side,
  ).cells;
  let [total, inside, covered, all, hottest] = [0, 0, 0, 0, 0];
  for (let at = 0; at < heat.length; at++) {
    const own = f32At(heat, at);
    total += own;
    if (near[at] === 1) inside += own;
    if (head[at] === 1) all++;
    if (head[at] === 1 && near[at] === 1) covered++;
    if (own > f32At(heat, hottest)) hottest = at;
  }
  if (covered === 0 || total === 0) return undefined;
  return { inside: inside / total, area: covered / all, hit: near[hottest] === 1 };
}
