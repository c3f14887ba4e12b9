import { join } from 'node:path';
import { balancedFigure } from '../evaluation/figures.ts';
import type { Judged } from '../evaluation/judged-people.ts';
import { comparePaired } from '../evaluation/paired.ts';
import type { Paired } from '../evaluation/result.ts';
import type { Work } from '../run/work-done.ts';
import { estimateOf, indexGroups } from '../statistics/figure.ts';
import { type Cell, cellsOf, rowKey } from './cells.ts';
import type { LoadedExperiment } from './definition.ts';
import { experimentFolder } from './experiment-folder.ts';
import { heldAgainst } from './held-against.ts';
import { meanOf } from './mean.ts';
import { partitionsOf } from './partitions.ts';
import { pooledPredictions } from './pooled-predictions.ts';
import {
  type CellResult,
  EXPERIMENT_FILE,
  type ExperimentResult,
  type RowResult,
  readExperimentFile,
} from './result.ts';

const JUDGED = 'balanced_accuracy';

/** What an experiment came to so far, one row for runs that differ in their seed alone. @throws NF_EXPERIMENT_FILE, NF_PATH_MISSING */
export async function describeExperiment(
  experiment: LoadedExperiment,
  workspace: string,
): Promise<ExperimentResult> {
  const { name, variants, baseline_recipe: recipe } = experiment.definition;
  const folder = experimentFolder(workspace, name);
  const cells = cellsOf(experiment);
  const file = await readExperimentFile(join(folder, EXPERIMENT_FILE));
  const known = new Map(file?.cells.map((cell) => [cell.job, cell]));
  const first = Object.keys(variants)[0] ?? '';
  const groups = Map.groupBy(cells, rowKey);
  const knownOf = (of: readonly Cell[] = []) => of.flatMap(({ job }) => known.get(job) ?? []);
  const rows = await Promise.all(
    [...groups.values()].map((planned) => {
      const [head] = planned;
      const others = head && head.variant !== first ? groups.get(rowKey({ ...head, variant: first })) : [];
      return rowOf(planned, knownOf(planned), knownOf(others));
    }),
  );
  const all = knownOf(cells);
  const failures = all.flatMap(({ job, failure }) => (failure ? [{ job, ...failure }] : []));
  const over = all.length - failures.length;
  const partitions = partitionsOf(all);
  return {
    name,
    folder,
    planned: cells.length,
    over,
    failed: failures.length,
    first,
    baseline_recipe: recipe,
    rows,
    partitions,
    failures,
  };
}

async function rowOf(
  planned: readonly Cell[],
  all: readonly CellResult[],
  others: readonly CellResult[],
): Promise<RowResult> {
  const [head] = planned;
  const own = all.filter(({ failure }) => !failure);
  const isJudged = own.length > 0 && own.every((cell) => cell.balanced_accuracy !== null);
  const mine = isJudged ? await pooledPredictions(own) : undefined;
  const figures = own.map((cell) => (isJudged ? (cell.balanced_accuracy?.value ?? null) : cell.best));
  const known = figures.filter((value) => value !== null);
  const names = new Set(own.flatMap(({ baselines }) => Object.keys(baselines)));
  return {
    partition: head?.partition ?? null,
    variant: head?.variant ?? '',
    values: { ...head?.values },
    runs: own.length,
    planned: planned.length,
    failed: all.length - own.length,
    metric: isJudged ? JUDGED : (own[0]?.metric ?? ''),
    mean: meanOf(figures),
    lowest: known.length === 0 ? null : Math.min(...known),
    highest: known.length === 0 ? null : Math.max(...known),
    ...(isJudged ? await pooledFigures(mine, own, others) : { pooled: null, lead: null }),
    worst_site: meanOf(own.map((cell) => cell.worst_site)),
    baselines: Object.fromEntries(
      [...names].map((name) => [name, meanOf(own.map((cell) => cell.baselines[name] ?? null))]),
    ),
    baseline_work: Object.fromEntries(
      [...names].map((name) => [name, meanWork(own.map((cell) => cell.baseline_work[name]))]),
    ),
    work: meanWork(own.map(({ work }) => work)),
    against: isJudged ? await heldAgainst(own, mine) : null,
    seconds: meanOf(own.map(({ seconds }) => seconds)),
    bytes: meanOf(own.map(({ bytes }) => bytes)),
  };
}

/** Null where a run does not tell it. */
function meanWork(all: readonly (Work | undefined)[]): Work {
  const of = (figure: keyof Work) => meanOf(all.map((work) => work?.[figure] ?? null));
  return { images_seen: of('images_seen'), steps: of('steps') };
}

/** Over the test images of all seeds; images of one group count together, in whichever seed they were tested. */
async function pooledFigures(
  mine: Judged | undefined,
  own: readonly CellResult[],
  others: readonly CellResult[],
): Promise<{ pooled: RowResult['pooled']; lead: RowResult['lead'] }> {
  const pooled = mine ? estimateOf(balancedFigure(mine, indexGroups(mine.groups)) ?? null) : null;
  const seeds = new Set(own.map(({ seed }) => seed));
  const counterparts = others.filter((cell) => seeds.has(cell.seed) && cell.balanced_accuracy !== null);
  // Held against runs of the same seeds alone: other folds have other images.
  const theirs = counterparts.length === own.length ? await pooledPredictions(counterparts) : undefined;
  const paired: Paired | undefined = mine && theirs && comparePaired(mine, theirs);
  return { pooled, lead: paired?.lead ?? null };
}
