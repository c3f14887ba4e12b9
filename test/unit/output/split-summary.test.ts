import { expect, it } from 'vitest';
import { renderSplit } from '../../../src/output/split-summary.ts';
import type { SplitResult } from '../../../src/preprocess/split/result.ts';
import { parseOverride } from '../../../src/runtime/job/variables.ts';

function made(...classes: string[]): SplitResult {
  const [first = '', ...others] = classes;
  return {
    split: 'split.json',
    sha256: '0',
    selection: {},
    labels: { table: 'participants.tsv', column: 'type', values: [] },
    sites: [
      {
        name: 'a',
        train: 2,
        validation: 1,
        test: 1,
        classes: {
          train: { [first]: 2 },
          validation: {},
          test: Object.fromEntries(others.map((name) => [name, 1])),
        },
      },
    ],
    groups: { count: 4, largest: 1 },
    heterogeneity: {
      sites: [],
      sizes: { smallest: 4, largest: 4, effective_sites: 1 },
      unlikeness: [],
    },
    report: null,
    left_out: [],
    warnings: [],
    materialized: null,
  };
}

it.each([
  [['tumour', 'control'], "--set 'classes=[control,tumour]'"],
  [['Glioma, IV', 'none'], '--set \'classes=["Glioma, IV","none"]\''],
  [['true', 'false'], '--set \'classes=["false","true"]\''],
])('a split says how a job names its classes: %j', (classes, said) => {
  const next =
    renderSplit(made(...classes), 'bids')
      .split('\n')
      .at(-1) ?? '';
  expect(next.slice(next.indexOf("--set 'classes"))).toBe(said);
  const setting = said.slice("--set '".length, -1);
  expect(parseOverride(setting)).toEqual({ name: 'classes', value: [...classes].sort() });
});

it('a split with channels says how a job names their number', () => {
  const channels = [{ suffix: 'T1w' }, { suffix: 'FLAIR' }];
  const next = renderSplit({ ...made('a', 'b'), selection: { channels } }, 'bids')
    .split('\n')
    .at(-1);
  expect(next?.endsWith('--set model.channels=2')).toBe(true);
});
