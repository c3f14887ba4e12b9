import { rowName } from '../runtime/experiment/cells.ts';
import type { PartitionResult } from '../runtime/experiment/partitions.ts';
import type { ExperimentPlan } from '../runtime/experiment/plan.ts';
import type { ExperimentResult, RowResult } from '../runtime/experiment/result.ts';
import { interval, percent } from './figures.ts';
import { sizeText } from './size-text.ts';
import { renderTable } from './table.ts';

/** The table of an experiment, with what failed below it. */
export function renderExperiment(result: ExperimentResult): string {
  const { name, over, planned, failed, rows, first, partitions, failures } = result;
  const baselines = [...new Set(rows.flatMap((row) => Object.keys(row.baselines)))];
  const isJudged = rows.some(({ metric }) => metric === 'balanced_accuracy');
  const header = [
    'run',
    'runs',
    rows.find(({ metric }) => metric !== '')?.metric ?? 'mean',
    'from-to',
    ...(isJudged ? ['95 % interval', `lead over ${first}`, 'worst site'] : []),
    ...baselines,
    'images seen',
    'steps',
    'seconds',
  ];
  const shown = isJudged ? percent : plain;
  const lines = rows.map((row) => [
    rowName(row),
    `${row.runs} of ${row.planned}`,
    shown(row.mean),
    row.lowest === null ? '-' : `${shown(row.lowest)}-${shown(row.highest)}`,
    ...(isJudged ? [interval(row.pooled ?? undefined), lead(row.lead), percent(row.worst_site)] : []),
    ...baselines.map((one) => percent(row.baselines[one] ?? null)),
    whole(row.work.images_seen),
    whole(row.work.steps),
    row.seconds === null ? '-' : row.seconds.toFixed(1),
  ]);
  const count = `${name}: ${over} of ${planned} runs are over${failed > 0 ? `, ${failed} failed` : ''}`;
  const notes = failures.map(({ job, code, message }) => `${job} failed: ${code}: ${message}`);
  return [
    count,
    '',
    renderTable(header, lines),
    ...baselineNotes(result),
    ...heldAgainst(rows),
    ...unlikeSites(partitions),
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n');
}

/** What the baselines were given. */
function baselineNotes({ rows, first, baseline_recipe: recipe }: ExperimentResult): string[] {
  const lines = rows.flatMap((row) => {
    const told = Object.entries(row.baseline_work).map(
      ([name, { images_seen: images, steps }]) => `${name} ${whole(images)} images, ${whole(steps)} steps`,
    );
    return told.length === 0 || (recipe === 'first' && row.variant !== first)
      ? []
      : [[rowName(row), ...told]];
  });
  if (lines.length === 0) return [];
  const whose = recipe === 'own' ? "each run's own recipe" : `the recipe of ${first}, for all variants`;
  return [
    '',
    `Baselines are trained with ${whose}. They have seen:`,
    ...lines.map((line) => line.join('; ')),
  ];
}

/** What a study is held against, of runs on test images. */
function heldAgainst(rows: readonly RowResult[]): string[] {
  const lines = rows.flatMap((row) => {
    const { against } = row;
    if (!against) return [];
    const { lowest_recall: lowest, judged_sites: sites, worse_than_local: worse } = against;
    return [
      [
        rowName(row),
        lead(against.lead_over_control),
        lead(against.lead_over_pooled),
        lowest ? `${lowest.class} ${percent(lowest.recall.value)} (${interval(lowest.recall)})` : '-',
        `${percent(against.calibration_error.value)} (${interval(against.calibration_error)})`,
        percent(against.kept),
        sites === 0 ? '-' : `${worse} of ${sites}`,
      ],
    ];
  });
  return lines.length === 0 ? [] : ['', renderTable(AGAINST, lines)];
}

const AGAINST = [
  'held against',
  'lead over the strongest control',
  'lead over the pooled model',
  'lowest recall',
  'calibration error',
  "accuracy of the sites' models",
  'sites worse than alone',
];

/** A line for each partition and each thing that its sites differ in. */
function unlikeSites(partitions: readonly PartitionResult[]): string[] {
  const rows = partitions.flatMap(
    ({ partition, sites, smallest, largest, effective_sites: equal, unlikeness }) =>
      unlikeness.map((one, at) => [
        at === 0 ? (partition ?? 'as split') : '',
        ...(at === 0 ? [String(sites), `${smallest}-${largest}`, equal.toFixed(1)] : ['', '', '']),
        one.of,
        one.jensen_shannon.toFixed(2),
        one.jensen_shannon_largest.toFixed(2),
        one.hellinger.toFixed(2),
        one.emd.toFixed(2),
        `${one.information.toFixed(2)} of ${one.entropy.toFixed(2)}`,
        one.by_chance.toFixed(2),
      ]),
  );
  return rows.length === 0 ? [] : ['', renderTable(UNLIKE, rows)];
}

const UNLIKE = [
  'unlike sites',
  'sites',
  'images',
  'as if equal',
  'in',
  'Jensen-Shannon',
  'at most',
  'Hellinger',
  'EMD',
  'bits',
  'by chance',
];

/** What is left to do, before it is begun. */
export function renderPlan(plan: ExperimentPlan): string {
  const { name, runs, over, tasks, bytes, seconds, partitions, private_runs: privateRuns } = plan;
  const left = runs - over;
  const time =
    left === 0
      ? ''
      : seconds === null
        ? 'How long they take is known after the first one.'
        : `About ${hours(seconds)} by the runs that are over.`;
  return [
    `${name}: ${runs} runs, ${over} are over, ${left} are left`,
    `${tasks} tasks of sites, ${sizeText(bytes)} of models that a federation would carry`,
    time,
    left === 0 ? '' : memoryText(plan),
    privateRuns < 2
      ? ''
      : `${privateRuns} runs are private, each counted alone: who shows them all adds up what they cost the same people (privacy plan), for simulations keep no ledger.`,
    ...unlikeSites(partitions),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function memoryText({ memory, memory_free: free, jobs_at_a_time: jobs }: ExperimentPlan): string {
  if (memory === null)
    return jobs === 1
      ? ''
      : `How much memory ${jobs} runs at a time take is known after the first one; ${sizeText(free)} are free.`;
  const what = jobs === 1 ? 'one run' : `${jobs} runs at a time`;
  const warning = memory > free ? ': more than there is, so fewer --jobs are safer' : '';
  return `About ${sizeText(memory)} of memory for ${what}, ${sizeText(free)} are free${warning}.`;
}

function hours(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}

function whole(value: number | null): string {
  return value === null ? '-' : String(Math.round(value));
}

function plain(value: number | null): string {
  return value === null ? '-' : String(Number(value.toPrecision(5)));
}

function lead(estimate: RowResult['lead']): string {
  return estimate ? `${percent(estimate.value)} (${interval(estimate)})` : '-';
}
