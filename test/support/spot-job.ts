import { readFileSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { spotSlice, subjectsOf, writeTree } from '../unit/learning/bids-tree.ts';
import { runCli } from './one-process.ts';

/**
 * In `cwd` a data set of two sites (`site-data/site-1`, `site-data/site-2`) and a job of one round that learns bright from dark and has its last model
 * judged by the sites (`job`). Of each class 12 are tested at each site, 4 trained on, 10 of validation.
 */
export async function makeSpotJob(cwd: string): Promise<void> {
  const subjects = subjectsOf(['bright', 'dark'], { count: 52, partition: '', first: 1000 });
  const root = await writeTree(
    subjects.map((one, at) => ({ ...one, partition: `site-${1 + (Math.floor(at / 2) % 2)}` })),
    spotSlice,
  );
  await rename(root, join(cwd, 'bids'));
  const table = join(cwd, 'bids/participants.tsv');
  writeFileSync(table, readFileSync(table, 'utf8').replace('partition', 'site'));
  for (const line of [
    'preprocess split bids --strategy column --validation 0.38 --test 0.46 --out split.json',
    'preprocess split bids --split split.json --materialize site-data',
    'job create job --template mri-fedavg --set data=bids --set split=split.json --set classes=[bright,dark] --set num_rounds=1 --set image_size=32 --set model.width=8 --set local_epochs=1 --set workflow.final_evaluation=true',
  ])
    expect([line, await runCli(line.split(' '), { cwd })]).toMatchObject([line, { code: 0 }]);
}
