import { noProgress } from '../../base/logging/progress.ts';
import { openVolumeSet, volumeOptions } from '../../learning/dataset/open-volumes.ts';
import type { EvaluateOptions, EvaluateResult } from '../evaluation-work.ts';
import type { MaskTarget } from '../open-target.ts';
import { openPredictor } from '../predict/predictor.ts';
import type { EvaluationData, PlacedPerson } from '../site-data.ts';
import { type JudgedMaskControls, judgeMaskControls } from './mask-controls.ts';
import type { MaskWork } from './mask-work.ts';
import { BRATS_2023 } from './rules.ts';
import { scoreVolumes } from './score-volumes.ts';
import { summarizeMasks } from './summarize-masks.ts';
import { worstMasks } from './worst-masks.ts';
import { writeMaskEvaluation } from './write-masks.ts';

/** A model that labels voxels, and the people whom it is judged on. */
export interface MaskRequest {
  readonly target: MaskTarget;
  readonly data: EvaluationData<PlacedPerson>;
  readonly notes: readonly string[];
}

/** Lesions may lie side by side, so few voxels join them. */
const RULES = BRATS_2023['BraTS-MEN'];

/** Judges the labels that a model gives to voxels. @throws NF_PATH_LINK, NF_MASK_*, NF_DATA_*, NF_CHANNEL_GRID, NF_ENGINE_* */
export async function evaluateMasks(
  { target, data, notes }: MaskRequest,
  options: EvaluateOptions,
): Promise<EvaluateResult> {
  const { progress = noProgress, signal } = options;
  const place = { root: data.root, selection: data.selection, masks: target.masks };
  const seen = volumeOptions({}, { spec: target.spec, ...place });
  const people = data.rows.filter(({ part }) => part === options.part);
  const rows = people.map(({ row }) => row);
  const tested = await openVolumeSet(place, rows, seen);
  const predictor = await openPredictor(target, options.engine);
  const work: MaskWork = { options, target, data, predictor, people, tested, rules: RULES, notes, progress };
  try {
    const total = tested.volumes.length;
    const onScored = (done: number) => progress({ what: `predictions (${options.part})`, done, total });
    const predict = predictor.outputs;
    const scored = await scoreVolumes({
      set: tested,
      people,
      root: data.root,
      rules: RULES,
      predict,
      onScored,
      signal,
    });
    const trained = data.rows.filter(({ part }) => part === 'train').map(({ row }) => row);
    const controls: JudgedMaskControls = options.controls
      ? await judgeMaskControls({ train: await openVolumeSet(place, trained, seen), tested }, signal)
      : { reason: 'The controls were not asked for (--no-controls).' };
    const worst = worstMasks(work, scored);
    const cases = worst.map((one) => one.described);
    const evaluation = summarizeMasks(work, { scored, controls, cases });
    const folder = await writeMaskEvaluation(work, { evaluation, scored, worst });
    return { folder, evaluation };
  } finally {
    predictor.dispose();
  }
}
