import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');

it('the README shows the training script as it is', () => {
  expect(read('README.md')).toContain(read('templates/mri-fedavg/client/mri-fedavg.ts'));
});

it('runs the study of the Kaggle images by the script of the template it was made from', () => {
  const script = 'client/mri-fedavg.ts';
  expect(read(`jobs/kaggle-three-sites/${script}`)).toBe(read(`templates/mri-fedavg/${script}`));
});
