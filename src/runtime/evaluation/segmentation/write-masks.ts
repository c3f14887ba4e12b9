import { join } from 'node:path';
import { writeInside } from '../../base/files/no-links.ts';
import { PREDICTIONS_FILE } from '../result.ts';
import { placeOf, writeJudgement } from '../write-evaluation.ts';
import { drawOutlines } from './draw-outlines.ts';
import { diceOfShown, type ScoredVolume } from './judged-volumes.ts';
import type { MaskEvaluation } from './mask-result.ts';
import type { MaskWork } from './mask-work.ts';
import type { MaskScore } from './score-case.ts';
import type { WorstMask } from './worst-masks.ts';

/** Puts an evaluation into its folder, `evaluation.json` last: where it stands, the rest is whole. */
export async function writeMaskEvaluation(
  { target, options, tested }: MaskWork,
  what: {
    readonly evaluation: MaskEvaluation;
    readonly scored: readonly ScoredVolume[];
    readonly worst: readonly WorstMask[];
  },
): Promise<string> {
  const { root, below } = placeOf(target, options);
  for (const { described, read } of what.worst) {
    options.signal?.throwIfAborted();
    if (described.overlay !== null)
      await writeInside(root, join(below, described.overlay), await drawOutlines(await read()));
  }
  await writeInside(root, join(below, PREDICTIONS_FILE), tableOf(what.scored, tested.labels));
  return writeJudgement(what.evaluation, { target, options });
}

const COLUMNS = {
  dice: ({ dice }: MaskScore) => dice.toFixed(4),
  hd95_mm: ({ hd95 }: MaskScore) => hd95.toFixed(2),
  truth_ml: ({ truth_ml: ml }: MaskScore) => ml.toFixed(3),
  predicted_ml: ({ predicted_ml: ml }: MaskScore) => ml.toFixed(3),
  lesions: ({ lesions }: MaskScore) => String(lesions.lesions.length),
  lesions_found: ({ lesions }: MaskScore) => String(lesions.lesions.filter(({ parts }) => parts > 0).length),
  false_findings: ({ lesions }: MaskScore) => String(lesions.false_findings),
} as const;

/** One row a volume; `dice` is the mean of the labels that its mask shows. */
function tableOf(scored: readonly ScoredVolume[], labels: readonly string[]): string {
  const columns = Object.entries(COLUMNS);
  const header = [
    'participant_id',
    'site',
    'group_id',
    'image',
    'dice',
    ...labels.flatMap((label) => columns.map(([name]) => `${name}_${label}`)),
  ];
  const rows = scored.map(({ id, site, group, image, scores }) => [
    id,
    site,
    group,
    image,
    diceOfShown(scores)?.toFixed(6) ?? 'n/a',
    ...scores.flatMap((score) => columns.map(([, cell]) => cell(score))),
  ]);
  return [header, ...rows].map((cells) => `${cells.join('\t')}\n`).join('');
}
