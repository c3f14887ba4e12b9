import { f64At } from '../../base/at.ts';
import { noProgress, type Progress } from '../../base/logging/progress.ts';
import { channelCount } from '../../base/selection/selection.ts';
import { openSet } from '../../learning/dataset/open-dataset.ts';
import { type HowShown, shownPictures } from '../../learning/dataset/shown-pictures.ts';
import { inputChannels, requireChannels } from '../../learning/models/spec.ts';
import { logLosses } from '../../statistics/probabilities.ts';
import { harmonised } from '../harmonised.ts';
import type { ClassTarget } from '../open-target.ts';
import { type EngineWish, openPredictor } from '../predict/predictor.ts';
import { type EvaluationRow, labelledData, readEvaluationData } from '../site-data.ts';
import { withKeptFeatures } from '../with-kept-features.ts';
import type { Suspect } from './membership.ts';

export interface GroupLoss extends Omit<Suspect, 'score'> {
  /** Mean over its pictures, in nats. */
  readonly loss: number;
}

interface Asked extends HowShown {
  readonly engine: EngineWish;
  readonly progress?: Progress;
}

/**
 * The loss of a run's model for each group of people that it was trained on, and for each that it was not. Those of the validation part
 * chose the model: they are among the others of a model that is a reference, and left out of one that is attacked.
 * @param among the groups of which a reference is asked
 * @throws NF_EVALUATE_*, NF_BIDS_*, NF_SPLIT_*, NF_DATA_*, NF_ENGINE_*
 */
export async function groupLosses(
  target: ClassTarget,
  { slices, mirror, engine, progress = noProgress }: Asked,
  among?: readonly { readonly group: string }[],
): Promise<GroupLoss[]> {
  const wanted = among && new Set(among.map(({ group }) => group));
  const read = await readEvaluationData(target, { data: undefined, split: undefined });
  const { data } = harmonised(labelledData(read, target), target, { slices });
  requireChannels(inputChannels(target.spec), channelCount(data.selection));
  const rows = data.rows.filter(({ part, group }) => (wanted ? wanted.has(group) : part !== 'validation'));
  const losses = await withKeptFeatures(target, async () => {
    const predictor = await openPredictor(target, engine);
    try {
      const { spec, classes } = target;
      const channels = channelCount(data.selection);
      const set = await openSet(data, rows, shownPictures(spec, { classes, channels, slices, mirror }));
      const probabilities = await predictor.predict(set);
      const labels = Uint8Array.from(rows, ({ label }) => label);
      return logLosses({ probabilities, labels, classes: target.classes.length });
    } finally {
      predictor.dispose();
    }
  });
  const what = `losses of ${target.run?.card.run_id ?? target.file}`;
  progress({ what, done: rows.length, total: rows.length });
  return byGroup(rows, losses, target.classes);
}

function byGroup(
  rows: readonly EvaluationRow[],
  losses: Float64Array,
  classes: readonly string[],
): GroupLoss[] {
  const groups = Map.groupBy(rows.keys(), (at) => rows[at]?.group ?? '');
  return [...groups].flatMap(([group, members]) => {
    const [first] = members.flatMap((at) => rows[at] ?? []);
    if (!first) return [];
    const loss = members.reduce((sum, at) => sum + f64At(losses, at), 0) / members.length;
    const isMember = members.some((at) => rows[at]?.part === 'train');
    return { group, site: first.site, class: classes[first.label] ?? '', isMember, loss };
  });
}
