import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generatePhantom } from '../../../src/preprocess/phantom/generate.ts';
import { judgeControls } from '../../../src/runtime/evaluation/judge-controls.ts';
import {
  type EvaluationRow,
  labelledData,
  readEvaluationData,
} from '../../../src/runtime/evaluation/site-data.ts';
import type { ControlScores } from '../../../src/runtime/learning/controls/control-data.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = join(tempFolder(), 'bids');
const classes = ['glioma', 'meningioma', 'no_tumor', 'pituitary'];

it('trains the controls once for all runs of a split, and anew for other people', async () => {
  await generatePhantom({
    target: root,
    sites: 2,
    perClass: 4,
    size: 16,
    seed: 4,
    jobs: 1,
    signal: new AbortController().signal,
    progress: () => undefined,
  });
  const target = { task: 'classification', run: undefined } as const;
  const read = labelledData(await readEvaluationData(target, { data: root, split: undefined }), { classes });
  const rows = read.rows.map((row, at): EvaluationRow => ({ ...row, part: at % 4 === 0 ? 'test' : 'train' }));
  const known = new Map<string, Promise<ControlScores>>();
  const judge = (tested: readonly EvaluationRow[]) =>
    judgeControls({
      data: { ...read, rows },
      tested,
      target: { classes },
      options: { slices: 3, seed: 0, jobs: 1, knownControls: known },
      progress: () => undefined,
    });
  const tested = rows.filter(({ part }) => part === 'test');
  const first = await judge(tested);
  const fewer = await judge(tested.slice(1));
  expect(fewer).not.toEqual(first);
  // Without the pictures nothing could be trained.
  await rm(root, { recursive: true });
  expect(await judge(tested)).toEqual(first);
  await expect(judge(tested.slice(2))).rejects.toThrow();
  await expect(judge(tested.slice(2))).rejects.toThrow();
});
