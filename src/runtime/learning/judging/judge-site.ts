import { countPeople, groupOf, type Participant } from '../../../preprocess/bids/participants.ts';
import type { Curves } from '../../algorithms/evaluation/evaluate-sites.ts';
import { flError } from '../../base/errors/errors.ts';
import { channelCount } from '../../base/selection/selection.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { rounded, type SiteCurve, type SiteEvaluation } from '../../statistics/evaluation-sums.ts';
import { indexGroups } from '../../statistics/figure.ts';
import { LEAST_FITTED, logLosses, type Scored, withTemperature } from '../../statistics/probabilities.ts';
import { confusionOf } from '../../statistics/scored-rows.ts';
import { CONTROL, MASKED, siteEvaluation } from '../../statistics/site-evaluation.ts';
import { lossCurve, temperatureOfCurve } from '../../statistics/temperature-curve.ts';
import { type ControlScores, controlsHere } from '../controls/control-data.ts';
import { LEAST_A_CLASS } from '../controls/controls.ts';
import { readControlImages } from '../controls/images.ts';
import { DEFAULT_SLICES } from '../dataset/default-slices.ts';
import { harmonyOf, requireHarmonised } from '../dataset/harmony.ts';
import type { ImageSet } from '../dataset/image-set.ts';
import { MASKED_TESTS, maskBatch } from '../dataset/masked-pictures.ts';
import { type DataSource, type Members, readMembers } from '../dataset/members.ts';
import { type LabelledRow, labelOf, openSet } from '../dataset/open-dataset.ts';
import { shownPictures } from '../dataset/shown-pictures.ts';
import type { ClassifierSpec } from '../models/spec.ts';
import { describeMetrics, type Metrics } from '../trainer/confusion.ts';
import { openNetwork } from '../trainer/network.ts';
import { subjectProbabilities } from '../trainer/score.ts';
import { currentEngine } from '../trainer/settings.ts';

interface Asked {
  readonly spec: ClassifierSpec;
  readonly classes: readonly string[];
  readonly params: ParamSet;
  /** A sum that leaves the site is over as many people at least. */
  readonly leastPeople: number;
}

/** Images that a part of the site has, of classes of which it has as many people as it may tell of. */
interface TellablePart {
  readonly rows: readonly LabelledRow[];
  readonly withheld: readonly string[];
}

/**
 * Losses of a site's validation images at some temperatures, by sums. Whether the site has test images that it may tell of is looked at first.
 * @returns null: too few validation images
 * @throws NF_EVALUATION_EMPTY, NF_EVALUATION_FEW, and as `openDataset`
 */
export async function siteCurve(source: DataSource, asked: Asked): Promise<SiteCurve | null> {
  const members = await readMembers(source);
  requireTestable(source, members, asked);
  const { rows } = tellable(members, 'validation', asked);
  if (rows.length === 0) return null;
  const judge = await openJudge(source, members, asked);
  try {
    const scored = await judge.score(await judge.open(rows));
    return { images: rows.length, losses: lossCurve(scored).map(rounded) };
  } finally {
    judge.close();
  }
}

/**
 * What a site tells of a model on its own test images: sums over people, none over fewer than it may, and figures that follow from them.
 * @param curves of all sites, by which the temperature is found
 * @throws as `siteCurve`
 */
export async function judgeSite(
  source: DataSource,
  asked: Asked & { readonly curves: Curves | undefined },
): Promise<{ readonly sums: SiteEvaluation; readonly metrics: Metrics }> {
  const { classes, leastPeople: least, curves } = asked;
  const members = await readMembers(source);
  const { rows, withheld } = requireTestable(source, members, asked);
  const { scored, compared } = await scoresOf(await openJudge(source, members, asked), rows);
  for (const [name, scores] of Object.entries(await controlsOf(source, members, { rows, classes })))
    compared[`${CONTROL}${name}`] = scores;
  const hasTemperature = curves !== undefined && curves.images >= LEAST_FITTED;
  const temperature = hasTemperature ? temperatureOfCurve(curves.losses) : null;
  const labels = Uint8Array.from(rows, ({ label }) => label);
  const sums = siteEvaluation({
    classNames: classes,
    classes: classes.length,
    labels,
    groups: indexGroups(rows.map(({ row }) => groupOf(row))),
    probabilities: scored.probabilities,
    calibrated: temperature === null ? undefined : withTemperature(scored, temperature),
    temperature,
    compared,
    withheld,
    trainedOn: countPeople(members.train) < least ? null : members.train.length,
    least,
  });
  return { sums, metrics: metricsOf(scored, classes) };
}

/** Of the model, and of it on masked pictures. */
async function scoresOf(judge: Judge, rows: readonly LabelledRow[]) {
  try {
    const images = await judge.open(rows);
    const scored = await judge.score(images);
    const compared: Record<string, Float64Array> = {};
    for (const test of MASKED_TESTS)
      compared[`${MASKED}${test}`] = (await judge.score(images, test)).probabilities;
    return { scored, compared };
  } finally {
    judge.close();
  }
}

/** @throws NF_EVALUATION_EMPTY, NF_EVALUATION_FEW */
function requireTestable({ site }: DataSource, members: Members, asked: Asked): TellablePart {
  if (members.test.length === 0) throw flError('NF_EVALUATION_EMPTY', { site }, { place: { site } });
  const part = tellable(members, 'test', asked);
  if (part.rows.length === 0)
    throw flError('NF_EVALUATION_FEW', { site, least: asked.leastPeople }, { place: { site } });
  return part;
}

function tellable(
  { subjects, ...parts }: Members,
  part: 'validation' | 'test',
  { classes, leastPeople }: Asked,
): TellablePart {
  const rows = parts[part].map((row) => ({ row, label: labelOf(row, classes, subjects) }));
  const isTold = classes.map((_, label) => {
    const own: Participant[] = rows.filter((one) => one.label === label).map(({ row }) => row);
    return countPeople(own) >= leastPeople;
  });
  return {
    rows: rows.filter(({ label }) => isTold[label]),
    withheld: classes.filter((_, label) => !isTold[label]),
  };
}

interface Judge {
  open(rows: readonly LabelledRow[]): Promise<ImageSet>;
  score(images: ImageSet, masked?: (typeof MASKED_TESTS)[number]): Promise<Labelled>;
  close(): void;
}

type Labelled = Scored & { readonly labels: Uint8Array };

/** The network, shown pictures as in `evaluate`. */
async function openJudge(
  source: DataSource,
  { subjects }: Members,
  { spec, classes, params }: Asked,
): Promise<Judge> {
  const { selection } = subjects;
  const channels = channelCount(selection);
  const options = shownPictures(spec, { classes, channels, slices: DEFAULT_SLICES, mirror: true });
  const { harmonisation, site, root } = source;
  if (harmonisation) requireHarmonised(harmonisation, options);
  const harmony = harmonisation && harmonyOf(harmonisation, site).harmony;
  const network = await openNetwork(await currentEngine(), spec, { batchSize: options.batchSize });
  network.load(params);
  return {
    open: (rows) =>
      openSet(
        { root, selection },
        rows.map((row) => ({ ...row, harmony })),
        options,
      ),
    score: async (images, masked) => {
      const own = masked
        ? await subjectProbabilities(images, (batch) =>
            network.predictPictures(maskBatch(batch, masked, images.options)),
          )
        : await subjectProbabilities(network.examplesOf(images), (batch) => network.predict(batch));
      const probabilities = Float64Array.from(own.flatMap((values) => [...values]));
      const labels = Uint8Array.from(images.subjects, ({ label }) => label);
      return { probabilities, labels, classes: classes.length };
    },
    close: () => network.dispose(),
  };
}

/** Controls that learn from the training images of this site alone; none where these are too few. */
async function controlsOf(
  { root }: DataSource,
  { subjects, train }: Members,
  { rows, classes }: { readonly rows: readonly LabelledRow[]; readonly classes: readonly string[] },
): Promise<Partial<ControlScores>> {
  if (train.length < LEAST_A_CLASS * classes.length) return {};
  const learnt = train.map((row) => ({ row, label: labelOf(row, classes, subjects) }));
  const images = await readControlImages([...learnt, ...rows], {
    bidsRoot: root,
    selection: subjects.selection,
    slices: DEFAULT_SLICES,
    progress: () => undefined,
  });
  const fold = {
    train: Array.from(learnt.keys()),
    test: Array.from(rows.keys(), (row) => learnt.length + row),
  };
  const all = await controlsHere(images, { classes: classes.length, folds: [fold], seed: 0 });
  const own = Object.entries(all).map(([name, scores]) => [
    name,
    scores.slice(learnt.length * classes.length),
  ]);
  return Object.fromEntries(own);
}

function metricsOf(scored: Labelled, classNames: readonly string[]): Metrics {
  return describeMetrics(
    classNames,
    confusionOf(scored),
    logLosses(scored).reduce((sum, loss) => sum + loss, 0),
  );
}
