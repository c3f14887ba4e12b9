import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cellsOf } from '../../../src/runtime/experiment/cells.ts';
import { readExperiment } from '../../../src/runtime/experiment/definition.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';

const root = join(import.meta.dirname, '../../..');
/** Templates that the jobs of an experiment are made of. */
const TEMPLATES: Readonly<Record<string, string>> = { transfer: 'mri-transfer' };
const files = globSync('jobs/*/*.yaml', { cwd: root }).filter((path) => !path.endsWith('job.yaml'));

it('there are experiments', () => expect(files.length).toBeGreaterThanOrEqual(2));

it.each(files)('%s makes jobs of its template in each run', async (path) => {
  const experiment = await readExperiment(join(root, path));
  const template = TEMPLATES[experiment.job.split('/').at(-1) ?? ''];
  expect(template).toBeDefined();
  const cells = cellsOf(experiment);
  for (const { overrides, seed, job } of cells.filter((cell) => cell.seed === cells[0]?.seed)) {
    const { definition } = await loadJob(join(root, 'templates', template ?? ''), overrides);
    expect([job, seed, definition.name]).toEqual([job, 1, template]);
  }
});
