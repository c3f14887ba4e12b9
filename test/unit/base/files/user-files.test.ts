import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { readLabelMap } from '../../../../src/preprocess/sources/label-map.ts';
import { readSplit } from '../../../../src/preprocess/split/manifest.ts';
import { readInput, readInputText } from '../../../../src/runtime/base/files/read-file.ts';
import { readYaml } from '../../../../src/runtime/base/files/yaml-source.ts';
import { openTensorFile } from '../../../../src/runtime/base/tensors/tensor-file.ts';
import { openInputs } from '../../../../src/runtime/evaluation/predict/predict-inputs.ts';
import { checkRunRecord } from '../../../../src/runtime/evaluation/report/run-record.ts';
import { readEvaluation } from '../../../../src/runtime/evaluation/result.ts';
import { loadJob } from '../../../../src/runtime/job/load.ts';
import { readRunCard } from '../../../../src/runtime/run/run-card.ts';
import { runFolder } from '../../../../src/runtime/run/run-folder.ts';
import { readPrivateKey } from '../../../../src/runtime/security/certificate/keys.ts';
import { readSitePolicy } from '../../../../src/runtime/security/kit/local-files.ts';
import { readProject } from '../../../../src/runtime/security/project/read-project.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

/** Readers of files that users name or change: by the name of the file in its folder. */
const READERS: readonly (readonly [string, (file: string) => Promise<unknown>])[] = [
  ['job.yaml', (file) => loadJob(dirname(file))],
  ['job.yaml', (file) => readYaml(file, 'NF_JOB_YAML')],
  ['project.yml', readProject],
  ['local/site-policy.yml', (file) => readSitePolicy(dirname(dirname(file)))],
  ['participants.tsv', (file) => readParticipants(dirname(file))],
  ['labels.yml', readLabelMap],
  ['split.json', readSplit],
  ['sub-01_T1w.nii.gz', readNifti],
  ['slice.png', (file) => openInputs([file], false)],
  ['model.safetensors', openTensorFile],
  ['evaluation.json', readEvaluation],
  ['run.json', (file) => readRunCard(runFolder(dirname(file)))],
  ['record.json', (file) => checkRunRecord(file, undefined)],
  ['client.key', readPrivateKey],
  ['any', readInput],
  ['any', readInputText],
];

async function place(name: string, kind: 'pipe' | 'device'): Promise<string> {
  const file = join(root, String(count++), name);
  mkdirSync(dirname(file), { recursive: true });
  if (kind === 'pipe') execFileSync('mkfifo', ['-m', '600', file]);
  // A device that never ends, as a link to it that somebody left.
  else await symlink('/dev/zero', file);
  return file;
}

describe.skipIf(process.platform === 'win32')('in place of a file that a user names', () => {
  describe.each(['pipe', 'device'] as const)('a %s', (kind) => {
    it.each(READERS)('as %s is refused at once', async (name, read) => {
      const file = await place(name, kind);
      await expect(read(file)).rejects.toMatchObject({ code: expect.stringMatching(/^NF_(?!INTERNAL)/) });
    });
  });
});

describe('a file that a user names', () => {
  it('is read whole, by a link too, and a folder or nothing says what it is', async () => {
    const file = join(root, 'text');
    await writeFile(file, 'größe');
    await symlink(file, join(root, 'link'));
    expect(await readInputText(join(root, 'link'))).toBe('größe');
    expect(await readInput(file)).toEqual(Buffer.from('größe'));
    await expect(readInput(root)).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(readInput(join(root, 'none'))).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
  });
});
