import { flError } from '../base/errors/errors.ts';
import { channelCount } from '../base/selection/selection.ts';
import { inputChannels, requireChannels } from '../learning/models/spec.ts';
import { evaluateClasses } from './evaluate-classes.ts';
import type { EvaluateOptions, EvaluateResult } from './evaluation-work.ts';
import { evaluateFederated, toldRunOf } from './federated/evaluate-federated.ts';
import { openTarget } from './open-target.ts';
import { evaluateMasks } from './segmentation/evaluate-masks.ts';
import { labelledData, readEvaluationData, refuseLeaks } from './site-data.ts';
import { requireEvaluationPlace } from './write-evaluation.ts';

/**
 * Judges a model on data it has not seen, beside what shortcuts reach on the same images (docs/evaluation.md), and writes
 * `evaluation.json`, `predictions.tsv` and pictures of the worst cases.
 * @throws NF_PATH_LINK, NF_EVALUATE_*, NF_BIDS_*, NF_SPLIT_*, NF_DATA_*, NF_MASK_*, NF_ENGINE_*
 */
export async function evaluateModel(options: EvaluateOptions): Promise<EvaluateResult> {
  const told = await toldRunOf(options);
  if (told) return evaluateFederated(told, options);
  const target = await openTarget(options);
  await requireEvaluationPlace(target, options);
  const data = await readEvaluationData(target, options);
  if (!data.rows.some(({ part }) => part === options.part))
    throw flError('NF_EVALUATE_EMPTY', { part: options.part, root: data.root });
  const notes = await refuseLeaks(target, data, options.part);
  requireChannels(inputChannels(target.spec), channelCount(data.selection));
  return target.task === 'classification'
    ? evaluateClasses({ target, data: labelledData(data, target), notes }, options)
    : evaluateMasks({ target, data, notes }, options);
}
