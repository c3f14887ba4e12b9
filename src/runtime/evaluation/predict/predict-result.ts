import { numberAt } from '../../base/at.ts';
import { prettyJson } from '../../base/digest.ts';
import { writeInside } from '../../base/files/no-links.ts';
import type { Explained } from '../explain/heat.ts';
import { drawOverlay } from '../explain/overlay.ts';
import type { PredictImage } from './predict-inputs.ts';
import type { ClassPrediction } from './predict-schema.ts';

/** What was found of each image, in the order of the inputs, and of each subject: the mean over its images. */
export function describePredictions(what: {
  classes: readonly string[];
  inputs: readonly PredictImage[];
  /** [inputs, classes] */
  probabilities: Float64Array;
  explained: readonly Explained[];
  /** Slices shown of each image. */
  tiles: readonly number[];
  /** Of each image; none where it is not known. */
  unlike: readonly ClassPrediction['images'][number]['unlike'][];
}): Pick<ClassPrediction, 'images' | 'subjects'> {
  const { classes, inputs, probabilities, explained, tiles } = what;
  const rowOf = (row: number) => [
    ...probabilities.subarray(row * classes.length, (row + 1) * classes.length),
  ];
  const images = inputs.map(({ subject, source }, row) => ({
    subject,
    source,
    ...decide(rowOf(row), classes),
    heat_by_slice: heatBySlice(explained[row], tiles[row] ?? 1),
    overlay: null,
    unlike: what.unlike[row] ?? null,
  }));
  const bySubject = [...Map.groupBy(inputs.keys(), (row) => inputs[row]?.subject ?? '')];
  const subjects = bySubject.map(([subject, rows]) => {
    const sums = classes.map((_, label) => rows.reduce((sum, row) => sum + numberAt(rowOf(row), label), 0));
    const means = sums.map((sum) => sum / rows.length);
    return { subject, images: rows.length, ...decide(means, classes) };
  });
  return { images, subjects };
}

function decide(probabilities: readonly number[], classes: readonly string[]) {
  const probability = Math.max(...probabilities);
  return {
    predicted: classes[probabilities.indexOf(probability)] ?? '',
    probability,
    probabilities: Object.fromEntries(classes.map((name, label) => [name, numberAt(probabilities, label)])),
  };
}

function heatBySlice(explained: Explained | undefined, tiles: number): number[] | null {
  if (!explained || tiles < 2) return null;
  const { heat, side } = explained;
  const across = Math.ceil(Math.sqrt(tiles));
  const tileSide = Math.floor(side / across);
  const shares = new Array<number>(tiles).fill(0);
  for (const [at, value] of heat.entries()) {
    const [row, column] = [Math.floor(at / side / tileSide), Math.floor((at % side) / tileSide)];
    const tile = row * across + column;
    if (column < across && tile < tiles) shares[tile] = numberAt(shares, tile) + value;
  }
  const total = shares.reduce((sum, share) => sum + share, 0);
  return total === 0 ? shares : shares.map((share) => share / total);
}

/** `overlays/*.png`, `predictions.tsv` and, last, `predictions.json`. */
export async function writePredictions(
  folder: string,
  result: ClassPrediction,
  explained: readonly Explained[],
): Promise<ClassPrediction> {
  const images = result.images.map((image, at) => {
    const name = image.subject.replace(/[^\w.-]+/g, '_');
    return { ...image, overlay: `overlays/${String(at + 1).padStart(4, '0')}-${name}.png` };
  });
  for (const [at, { overlay }] of images.entries()) {
    const one = explained[at];
    if (one) await writeInside(folder, overlay, await drawOverlay(one));
  }
  const whole = { ...result, images };
  await writeInside(folder, 'predictions.tsv', table(whole));
  await writeInside(folder, 'predictions.json', prettyJson(whole));
  return whole;
}

function table({ images, subjects }: ClassPrediction): string {
  const classes = Object.keys(images[0]?.probabilities ?? {});
  const header = ['level', 'subject', 'source', 'predicted', ...classes.map((name) => `p_${name}`)];
  const cells = (values: Record<string, number>) => classes.map((name) => (values[name] ?? 0).toFixed(4));
  const rows = [
    ...images.map((one) => ['image', one.subject, one.source, one.predicted, ...cells(one.probabilities)]),
    ...subjects.map((one) => ['subject', one.subject, 'n/a', one.predicted, ...cells(one.probabilities)]),
  ];
  return [header, ...rows].map((row) => `${row.map(clean).join('\t')}\n`).join('');
}

/** A file name may hold what would break the table. */
function clean(cell: string): string {
  return cell.replace(/[\x00-\x1f\x7f]/g, (character) => encodeURIComponent(character));
}
