import { expect, it } from 'vitest';
import { curvesCsv, experimentCsv } from '../../../src/runtime/experiment/csv.ts';
import { curveOf, meanCurve } from '../../../src/runtime/experiment/curves.ts';
import { partitionsOf } from '../../../src/runtime/experiment/partitions.ts';
import { cellResultSchema } from '../../../src/runtime/experiment/result.ts';

const ROW = {
  partition: 'alike',
  variant: 'fedavg',
  values: { rate: 0.5, note: '=1+1', list: ['a', 'b"c'] },
  runs: 2,
  planned: 3,
  failed: 1,
  metric: 'balanced_accuracy',
  mean: 0.8,
  lowest: 0.7,
  highest: 0.9,
  pooled: { value: 0.8, low: 0.75, high: 0.85 },
  lead: null,
  worst_site: null,
  baselines: { local: 0.6 },
  baseline_work: { local: { images_seen: 1100, steps: 150 } },
  work: { images_seen: 1200, steps: 160 },
  against: {
    lead_over_control: { value: 0.2, low: 0.1, high: 0.3 },
    lead_over_pooled: { value: -0.02, low: -0.05, high: 0.01 },
    lowest_recall: { class: 'glioma', recall: { value: 0.7, low: 0.6, high: 0.8 } },
    calibration_error: { value: 0.03, low: 0, high: 0.05 },
    kept: 0.85,
    judged_sites: 10,
    worse_than_local: 1,
  },
  seconds: 1.5,
  bytes: 1000,
};

it('a table of an experiment is a CSV whose texts no spreadsheet takes for formulas', () => {
  expect(experimentCsv([ROW], [])).toBe(
    [
      'partition,variant,rate,note,list,runs,planned,failed,metric,mean,lowest,highest,pooled,pooled_low,pooled_high,lead,lead_low,lead_high,worst_site,local,local_images_seen,lead_over_control,lead_over_control_low,lead_over_pooled,lead_over_pooled_low,lead_over_pooled_high,lowest_recall_of,lowest_recall,lowest_recall_low,calibration_error,calibration_error_high,kept_models,worse_than_local,images_seen,steps,seconds,bytes',
      `alike,fedavg,0.5,'=1+1,"[""a"",""b\\""c""]",2,3,1,balanced_accuracy,0.8,0.7,0.9,0.8,0.75,0.85,,,,,0.6,1100,0.2,0.1,-0.02,-0.05,0.01,glioma,0.7,0.6,0.03,0.05,0.85,1,1200,160,1.5,1000`,
      '',
    ].join('\r\n'),
  );
});

const UNLIKE = {
  sizes: { smallest: 10, largest: 30, effective_sites: 2.5 },
  unlikeness: [
    {
      of: 'class',
      mean: { jensen_shannon: 0.2, hellinger: 0.1, emd: 0.3 },
      largest: { jensen_shannon: 0.4, hellinger: 0.2, emd: 0.6 },
      pair: ['site-1', 'site-2'],
      information: 0.25,
      entropy: 2,
      by_chance: 0.125,
    },
  ],
};

/** A run of two rounds as an older version wrote it, over which `more` is laid. */
function run(more: object) {
  return cellResultSchema.parse({
    job: 'a',
    partition: 'unlike',
    variant: 'fedavg',
    values: {},
    seed: 1,
    digest: 'd',
    run_folder: null,
    failure: null,
    sites: 3,
    rounds: 2,
    metric: 'accuracy',
    curve: [0.2, 0.4, 0.8],
    best: 0.8,
    seconds: 6,
    bytes: 500,
    balanced_accuracy: null,
    worst_site: null,
    lead_over_control: null,
    baselines: {},
    ...more,
  });
}

it('a table of unlike sites has sizes and distances beside each row', () => {
  const other = { ...UNLIKE, sizes: { smallest: 4, largest: 40, effective_sites: 1.5 } };
  const partitions = partitionsOf([
    { partition: 'unlike', sites: 3, unlike: UNLIKE },
    { partition: 'unlike', sites: 3, unlike: other },
    { partition: 'else', sites: 2, unlike: null },
  ]);
  expect(partitions).toEqual([
    {
      partition: 'unlike',
      sites: 3,
      smallest: 4,
      largest: 40,
      effective_sites: 2,
      unlikeness: [
        expect.objectContaining({
          of: 'class',
          jensen_shannon: 0.2,
          jensen_shannon_largest: 0.4,
          by_chance: 0.125,
        }),
      ],
    },
  ]);
  const [header = '', line = '', alike = ''] = experimentCsv(
    [
      { ...ROW, partition: 'unlike' },
      { ...ROW, partition: 'else' },
    ],
    partitions,
  ).split('\r\n');
  const added =
    'sites,smallest_site,largest_site,effective_sites,class_jensen_shannon,class_hellinger,class_emd';
  expect(header.endsWith(added)).toBe(true);
  expect(line.endsWith(',3,4,40,2,0.2,0.1,0.3')).toBe(true);
  expect(alike.endsWith(',1000,,,,,,,')).toBe(true);
});

it('a curve tells what each model took to make: a model to each site and back a round', () => {
  const points = curveOf(run({ round_seconds: [2, 3, 1] }));
  expect(points).toEqual([
    { round: 0, bytes: 0, seconds: 0, value: 0.2 },
    { round: 1, bytes: 200, seconds: 2, value: 0.4 },
    { round: 2, bytes: 400, seconds: 5, value: 0.8 },
  ]);
  expect(curvesCsv([{ ...run({}), points }]).split('\r\n')[2]).toBe('unlike,fedavg,1,accuracy,1,200,2,0.4');
});

it('a curve of several runs is their mean, and does not know times of runs that were not timed', () => {
  const timed = run({ round_seconds: [2, 3, 1] });
  const short = run({ curve: [0.4, 0.6], round_seconds: [4, 1], rounds: 1, bytes: 300 });
  expect(meanCurve([timed, short])).toEqual([
    { round: 0, bytes: 0, seconds: 0, value: expect.closeTo(0.3, 12) },
    { round: 1, bytes: 200, seconds: 3, value: 0.5 },
    { round: 2, bytes: 400, seconds: 5, value: 0.8 },
  ]);
  expect(meanCurve([timed, run({})]).map(({ seconds }) => seconds)).toEqual([0, null, null]);
});

it('a terminal that shows the file obeys nothing in it', () => {
  const note = '\u001b[31mred\u202Ertl\r=1+1\n\u009b2J';
  const csv = experimentCsv([{ ...ROW, values: { note }, variant: 'a' }], []);
  expect(csv).not.toMatch(/[\u001b\u202e\u009b]/);
  expect(csv.split('\r\n')).toHaveLength(3);
});
