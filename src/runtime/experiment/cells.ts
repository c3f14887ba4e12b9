import { canonicalJson, sha256 } from '../base/digest.ts';
import { flError } from '../base/errors/errors.ts';
import type { Override } from '../job/variables.ts';
import type { LoadedExperiment, PartitionRule } from './definition.ts';

/** The rows of an experiment's table: runs that differ in their seed alone. */
export interface Row {
  /** Null: the job's own split. */
  readonly partition: string | null;
  readonly variant: string;
  /** Of the grid. */
  readonly values: Readonly<Record<string, Override['value']>>;
}

/** One run of an experiment. */
export interface Cell extends Row {
  readonly seed: number;
  /** Number of the seed, from 1. */
  readonly turn: number;
  readonly rule: PartitionRule | undefined;
  /** Name of its job, and of the folder of its runs. */
  readonly job: string;
  /** Without those that follow from its split. */
  readonly overrides: readonly Override[];
  /** The run whose recipe trains its baselines: itself, or one before it. */
  readonly baselinesOf: string;
}

const MOST_RUNS = 10_000;
const LONGEST_NAME = 64;

/** Every run of an experiment, seed by seed, so that all that is compared has its first run before a second. @throws NF_EXPERIMENT_ALIKE, NF_EXPERIMENT_SIZE */
export function cellsOf({ definition, source }: LoadedExperiment): Cell[] {
  const { partitions, variants, grid, seeds, set, baseline_recipe: recipe } = definition;
  const [first = ''] = Object.keys(variants);
  requireSize(definition);
  const rows = Object.entries(partitions ?? { '': undefined }).flatMap(([partition, rule]) =>
    combinations(grid).flatMap((values) =>
      Object.entries(variants).map(([variant, own]) => ({ partition, rule, values, variant, own })),
    ),
  );
  const seen = new Map<string, string>();
  return seeds.flatMap((seed, index) =>
    rows.map(({ partition, rule, values, variant, own }): Cell => {
      const named = { ...set, ...own, ...values };
      const row = { partition: partition === '' ? null : partition, variant, values };
      const job = jobName(definition.name, row, seed);
      const what = canonicalJson({ named, partition, seed });
      const twin = seen.get(what);
      if (twin !== undefined) {
        const keys = ['variants', variant];
        throw flError('NF_EXPERIMENT_ALIKE', { first: twin, second: job }, { place: source.place(keys) });
      }
      seen.set(what, job);
      const overrides = Object.entries(named).map(([name, value]): Override => ({ name, value }));
      const baselinesOf = recipe === 'own' ? job : jobName(definition.name, { ...row, variant: first }, seed);
      return { ...row, rule, seed, turn: index + 1, job, overrides, baselinesOf };
    }),
  );
}

/** Before a run is made: a few names with ten values each make more of them than a machine holds. @throws NF_EXPERIMENT_SIZE */
function requireSize({ partitions, variants, grid, seeds }: LoadedExperiment['definition']): void {
  const lists = [variants, ...(partitions ? [partitions] : [])].map((named) => Object.keys(named).length);
  const values = Object.values(grid).map(({ length }) => length);
  const runs = [...lists, ...values, seeds.length].reduce((product, count) => product * count, 1);
  if (runs > MOST_RUNS)
    throw flError('NF_EXPERIMENT_SIZE', { runs: Math.min(runs, Number.MAX_SAFE_INTEGER), most: MOST_RUNS });
}

/** Every combination of the values, the last name's changing first. */
function combinations(grid: Readonly<Record<string, readonly Override['value'][]>>): Row['values'][] {
  return Object.entries(grid).reduce<Row['values'][]>(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

/** A name that is a folder, told apart by a digest where it would be too long. */
function jobName(experiment: string, { partition, variant, values }: Row, seed: number): string {
  const settings = Object.entries(values).map(([name, value]) => `${lastKey(name)}-${JSON.stringify(value)}`);
  const parts = [experiment, partition, variant, ...settings, `seed-${seed}`].filter((one) => one !== null);
  const whole = parts.join('.').replace(/[^A-Za-z0-9_.-]/g, '');
  const mark = `.${sha256(canonicalJson({ partition, variant, values, seed })).slice(0, 8)}`;
  const isPlain = settings.every((text) => /^[A-Za-z0-9_.-]+$/.test(text));
  if (isPlain && whole.length <= LONGEST_NAME) return whole;
  return whole.slice(0, LONGEST_NAME - mark.length) + mark;
}

function lastKey(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** The same for runs that differ in their seed alone. */
export function rowKey({ partition, variant, values }: Row): string {
  return canonicalJson({ partition, variant, values });
}

/** A row in words: `unlike, fedprox, learning_rate 0.1`. */
export function rowName({ partition, variant, values }: Row): string {
  const settings = Object.entries(values).map(([name, value]) => `${lastKey(name)} ${JSON.stringify(value)}`);
  return [...(partition === null ? [] : [partition]), variant, ...settings].join(', ');
}
