import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSplit } from '../../../src/preprocess/split/manifest.ts';
import { runSplit } from '../../../src/preprocess/split/run-split.ts';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { type Members, readMembers } from '../../../src/runtime/learning/dataset/members.ts';
import { splitOptions } from '../../support/split-options.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { writeFiles } from '../../support/write-files.ts';

const folder = tempFolder();

const idsOf = ({ train, validation, test }: Members) => ({
  train: train.map(({ id }) => id),
  validation: validation.map(({ id }) => id),
  test: test.map(({ id }) => id),
});

describe('the members of a site', () => {
  it('come in one order from the split and from the tree that was made of it, whatever the order of the table', async () => {
    const ids = createRandom('order of a table').shuffle(
      Array.from({ length: 40 }, (_, at) => `sub-${at + 1}`),
    );
    const images = ids.map((id) => [`bids/${id}/anat/${id}_T1w.nii.gz`, id]);
    const rows = ids.map((id, at) => `${id}\t${at % 2 === 0 ? 'glioma' : 'no_tumor'}`);
    await writeFiles(folder, {
      ...Object.fromEntries(images),
      'bids/participants.tsv': `${['participant_id\tdiagnosis', ...rows].join('\n')}\n`,
      'bids/dataset_description.json': '{}',
    });
    const options = splitOptions(folder, { materialize: join(folder, 'site-data') });
    await runSplit(options);
    const split = join(folder, 'split.json');
    for (const { name } of (await readSplit(split)).sites) {
      const simulated = idsOf(await readMembers({ root: join(folder, 'bids'), split, site: name }));
      const federated = idsOf(await readMembers({ root: join(folder, 'site-data', name), site: name }));
      expect(simulated.train.length).toBeGreaterThan(5);
      expect(federated).toEqual(simulated);
    }
  });
});
