import { existsSync } from 'node:fs';
import { rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertFolder } from '../../../../src/preprocess/bids/convert.ts';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { pipelineSchema } from '../../../../src/preprocess/preparation/pipeline.ts';
import { prepareDataset } from '../../../../src/preprocess/preparation/prepare-dataset.ts';
import { runSplit } from '../../../../src/preprocess/split/run-split.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';
import { makeTree } from '../../../support/bids-tree.ts';
import { convertOptions } from '../../../support/convert-options.ts';
import { splitOptions } from '../../../support/split-options.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

const TABLE = `participant_id\tdiagnosis\n${[1, 2, 3, 4, 5, 6, 7, 8].map((id) => `sub-${id}\t${id % 2 ? 'a' : 'b'}\n`).join('')}`;

/** A data set in a folder of its own, beside which lies a file that is none of its. */
async function dataset(): Promise<{ base: string; bids: string }> {
  const base = join(root, String(count++));
  const ids = [1, 2, 3, 4, 5, 6, 7, 8];
  const images = ids.map((id) => [`sub-${id}/anat/sub-${id}_T1w.nii.gz`, { seed: id }] as const);
  const bids = await makeTree(join(base, 'bids'), {
    'participants.tsv': TABLE,
    'participants.json': '{"diagnosis": {"Description": "x"}}',
    ...Object.fromEntries(images),
  });
  return { base, bids };
}

/** Puts a link out of the data set in the place of one of its files. */
async function leadOut({ base, bids }: { base: string; bids: string }, name: string, text: string) {
  await writeFile(join(base, 'outside'), text);
  await symlink(join(base, 'outside'), join(bids, `${name}.link`));
  await rename(join(bids, `${name}.link`), join(bids, name));
}

const refused = (bids: string, name: string) => ({
  code: 'NF_BIDS_FILE_OUTSIDE',
  exitCode: 4,
  place: { file: expect.stringContaining(join(bids, name)) },
});

const WAYS: [what: string, way: (base: string) => Promise<unknown>][] = [
  [
    'volumes that are prepared',
    (base) =>
      prepareDataset({
        source: join(base, 'bids'),
        target: join(base, 'made'),
        pipeline: pipelineSchema.parse({ steps: [{ step: 'reorient' }] }),
        jobs: 1,
        skipBad: true,
        signal: new AbortController().signal,
        progress: noProgress,
      }),
  ],
  ['trees of sites', (base) => runSplit(splitOptions(base, { materialize: join(base, 'made') }))],
];

describe('texts of a data set that are links out of it do not come along', () => {
  for (const [what, way] of WAYS) {
    it(`into ${what}, as its table`, async () => {
      const made = await dataset();
      await leadOut(made, 'participants.tsv', TABLE.replace('sub-1\ta', 'sub-1\tsecret'));
      await expect(way(made.base)).rejects.toMatchObject(refused(made.bids, 'participants.tsv'));
      expect(existsSync(join(made.base, 'made'))).toBe(false);
    });

    it(`into ${what}, as what its columns mean`, async () => {
      const made = await dataset();
      await leadOut(made, 'participants.json', '{"auths": {"registry": {"auth": "c2VjcmV0"}}}');
      await expect(way(made.base)).rejects.toMatchObject(refused(made.bids, 'participants.json'));
      expect(existsSync(join(made.base, 'made'))).toBe(false);
    });
  }

  it('as dataset.json of nnU-Net, nor as the table of BraTS', async () => {
    const base = join(root, String(count++));
    const nnunet = await makeTree(join(base, 'set'), { 'imagesTr/a_0000.nii.gz': { seed: 1 } });
    await leadOut(
      { base, bids: nnunet },
      'dataset.json',
      '{"labels": {"secret": 1}, "channel_names": {"0": "T1"}}',
    );
    const options = convertOptions(base, { source: nnunet });
    await expect(convertFolder(options)).rejects.toMatchObject(refused(nnunet, 'dataset.json'));
    const brats = await makeTree(join(base, 'brats'), { 'BraTS_1/BraTS_1_t1.nii.gz': { seed: 1 } });
    await leadOut({ base, bids: brats }, 'name_mapping.csv', 'id,grade\nBraTS_1,secret\n');
    const other = convertFolder(convertOptions(base, { source: brats }));
    await expect(other).rejects.toMatchObject(refused(brats, 'name_mapping.csv'));
  });

  it('but links inside of it are followed', async () => {
    const { bids } = await dataset();
    await rename(join(bids, 'participants.tsv'), join(bids, 'table'));
    await symlink('table', join(bids, 'participants.tsv'));
    expect((await readParticipants(bids)).rows).toHaveLength(8);
  });
});
