import { expect, it } from 'vitest';
import { experimentCsv } from '../../../src/runtime/experiment/csv.ts';

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
  seconds: 1.5,
  bytes: 1000,
};

it('a table of an experiment is a CSV whose texts no spreadsheet takes for formulas', () => {
  expect(experimentCsv([ROW])).toBe(
    [
      'partition,variant,rate,note,list,runs,planned,failed,metric,mean,lowest,highest,pooled,pooled_low,pooled_high,lead,lead_low,lead_high,worst_site,local,seconds,bytes',
      `alike,fedavg,0.5,'=1+1,"[""a"",""b\\""c""]",2,3,1,balanced_accuracy,0.8,0.7,0.9,0.8,0.75,0.85,,,,,0.6,1.5,1000`,
      '',
    ].join('\r\n'),
  );
});
