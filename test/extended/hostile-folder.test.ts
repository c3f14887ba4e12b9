import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startCli } from '../support/cli.ts';
import { type JobParts, TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { LIMITS } from '../support/limits.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
/** What reads a whole file of these, or makes something of each of its parts, has not the memory. */
const HEAP_MB = 300;
const HUGE = 3_000_000_000;

const yaml = (text: string): JobParts => ({ files: { 'job.yaml': text } });
const initial = (params: unknown): JobParts => ({ patch: { model: { initial_params: params } } });
const imported = (path: string): JobParts => ({
  patch: {
    model: { initial_params: undefined, type: 'mri-cnn', import: path, image_size: 16, num_classes: 2 },
  },
});
const split = (path: string): JobParts => ({ patch: { data: { root: '../outside', split: path } } });
const deep = `${TINY_SCRIPT}\nconst z = ${'('.repeat(20_000)}1${')'.repeat(20_000)};\n`;
const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
  .concat(
    [...'bcdefghij'].map(
      (name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[at]}`).join(', ')}]`,
    ),
  )
  .join('\n');

const sparse = (name: string) => async (folder: string) => {
  await writeFile(join(folder, name), '');
  await truncate(join(folder, name), HUGE);
};
const link = (name: string, to: string) => async (folder: string) => {
  await rm(join(folder, name), { force: true });
  await symlink(to, join(folder, name));
};
const pipe = (name: string) => async (folder: string) => {
  await rm(join(folder, name), { force: true });
  execFileSync('mkfifo', [join(folder, name)]);
};

/** What is wrong, what it is made of, the code it ends with and a part of its words. */
const FOLDERS: readonly (readonly [
  string,
  JobParts,
  ((folder: string) => Promise<void>) | undefined,
  string,
  string,
])[] = [
  ['maps in one another', yaml('{a: '.repeat(100_000)), undefined, 'NF_JOB_YAML', '100 deep'],
  ['lists in one another', yaml('['.repeat(100_000)), undefined, 'NF_JOB_YAML', '100 deep'],
  ['a bomb of aliases', yaml(bomb), undefined, 'NF_JOB_YAML', 'alias'],
  [
    'tens of thousands of keys',
    yaml(Array.from({ length: 90_000 }, (_, at) => `z${at}: 1`).join('\n')),
    undefined,
    'NF_JOB_INVALID',
    'and 89985 more',
  ],
  ['a definition of gigabytes', {}, sparse('job.yaml'), 'NF_JOB_YAML', 'bytes, more than'],
  ['a device as definition', {}, link('job.yaml', '/dev/zero'), 'NF_JOB_NOT_FOUND', 'no job.yaml'],
  ['a pipe as definition', {}, pipe('job.yaml'), 'NF_JOB_NOT_FOUND', 'no job.yaml'],
  ['a link to itself as definition', {}, link('job.yaml', 'job.yaml'), 'NF_JOB_NOT_FOUND', 'no job.yaml'],
  ['a script of gigabytes', {}, sparse('client/train.ts'), 'NF_JOB_BUNDLE', 'client/train.ts with 3000.0 MB'],
  ['a device as script', {}, link('client/train.ts', '/dev/zero'), 'NF_JOB_BUNDLE', 'symbolic link'],
  ['a pipe as script', {}, pipe('client/train.ts'), 'NF_JOB_BUNDLE', 'not a regular file'],
  ['a script nested without end', { script: deep }, undefined, 'NF_JOB_SCRIPT_SYNTAX', 'nested too deeply'],
  [
    'a file of gigabytes that nobody names',
    {},
    sparse('client/more.bin'),
    'NF_JOB_BUNDLE',
    'more than 20 MB',
  ],
  ['a link out of it', {}, link('client/up', '../..'), 'NF_JOB_BUNDLE', 'symbolic link'],
  ['a pipe that nobody names', {}, pipe('client/more'), 'NF_JOB_BUNDLE', 'not a regular file'],
  ['a device as model', initial('/dev/zero'), undefined, 'NF_JOB_PATH', 'not a regular file'],
  ['a pipe as model', initial('../outside/pipe'), undefined, 'NF_JOB_PATH', 'not a regular file'],
  [
    'a model whose header claims the world',
    initial('m.safetensors'),
    (folder) => writeFile(join(folder, 'm.safetensors'), Buffer.from([0, 0, 0, 0, 0, 0, 0, 16, 0x7b, 0x7d])),
    'NF_TENSORS_FILE',
    'header claims',
  ],
  ['gigabytes of zeros as model', initial('../outside/huge'), undefined, 'NF_TENSORS_FILE', 'huge'],
  [
    'ten billion numbers',
    initial({ w: { shape: [1e10], data: 1 } }),
    undefined,
    'NF_JOB_MODEL_SIZE',
    '40000000000',
  ],
  ['a device to import', imported('/dev/zero'), undefined, 'NF_JOB_PATH', 'not a regular file'],
  ['a pipe to import', imported('../outside/pipe'), undefined, 'NF_JOB_PATH', 'not a regular file'],
  ['a device as split', split('/dev/zero'), undefined, 'NF_PATH_UNUSABLE', 'not a regular file'],
  ['a pipe as split', split('../outside/pipe'), undefined, 'NF_PATH_UNUSABLE', 'not a regular file'],
  ['gigabytes as split', split('../outside/huge'), undefined, 'NF_INPUT_LARGE', 'bytes'],
];

beforeAll(async () => {
  await mkdir(join(root, 'outside'));
  await sparse('huge')(join(root, 'outside'));
  await pipe('pipe')(join(root, 'outside'));
  await writeFile(join(root, 'outside/participants.tsv'), 'participant_id\nsub-01\n');
  const description = { Name: 'x', BIDSVersion: '1.9.0' };
  await writeFile(join(root, 'outside/dataset_description.json'), JSON.stringify(description));
});

/** Both commands read a job by the same functions: of the slower one every fifth folder. */
const COMMANDS = [
  ['job validate', FOLDERS],
  ['simulate', FOLDERS.filter((_, index) => index % 5 === 0)],
] as const;

describe.each(COMMANDS)('%s of a job folder', (command, folders) => {
  it.each(folders)('with %s ends with a named error', async (what, parts, spoil, code, says) => {
    const folder = `${command} ${what}`.replaceAll(' ', '-');
    await writeJob(join(root, folder), parts);
    await spoil?.(join(root, folder));
    const env = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` };
    const { child, done } = startCli([...command.split(' '), folder, '--json'], { cwd: root, env });
    const late = setTimeout(() => child.kill('SIGKILL'), LIMITS.moment * 1000);
    const { code: exit, stdout } = await done;
    clearTimeout(late);
    expect([what, exit]).toEqual([what, 4]);
    const { error_code: found, message } = JSON.parse(stdout) as { error_code: string; message: string };
    expect([what, found, message]).toEqual([
      what,
      expect.stringContaining(code),
      expect.stringContaining(says),
    ]);
  });
});
