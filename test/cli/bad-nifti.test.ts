import { readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { centredAffine } from '../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { refusalsIn } from '../support/refusals.ts';
import { leftovers } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { writeFiles } from '../support/write-files.ts';
import {
  GZIP_FAULTS,
  NIFTI_FAULTS,
  NOT_FINITE,
  ODD_BUT_READ,
  packed,
  TOO_LARGE,
} from '../unit/preprocess/nifti/bad-files.ts';

const cwd = tempFolder();
const at = (...path: string[]) => join(cwd, ...path);
const { refused, env } = refusalsIn(cwd);

function volume(shape: readonly [number, number, number], value: (at: number) => number): Uint8Array {
  const data = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, to) => value(to));
  return encodeNifti({ shape, data, affine: centredAffine([...shape], [1, 1, 1]) });
}

/** gzip with a name and a time in its header (RFC 1952, 2.3). */
function telling(bytes: Uint8Array): Buffer {
  const gz = gzipSync(bytes);
  gz.writeUInt32LE(1_700_000_000, 4);
  gz[3] = 8;
  return Buffer.concat([gz.subarray(0, 10), Buffer.from('Miller^Anna.nii\0'), gz.subarray(10)]);
}

function withTime(count: number): Uint8Array {
  const bytes = volume([4, 4, 2 * count], (to) => to);
  const view = new DataView(bytes.buffer);
  for (const [to, size] of [4, 4, 4, 2, count].entries()) view.setInt16(40 + 2 * to, size, true);
  return bytes;
}

type Row = readonly [what: string, code: string, ending: string, bytes: Uint8Array];

const BAD: readonly Row[] = [
  ...NIFTI_FAULTS.map(([what, code, bytes]): Row => [what, code, 'nii', bytes]),
  ...GZIP_FAULTS.map(([what, code, bytes]): Row => [what, code, 'nii.gz', bytes]),
  ['gzip under a plain name', 'NF_NIFTI_UNEXPECTED_GZIP', 'nii', packed],
  ['voxels that are no numbers', 'NF_NIFTI_NOT_FINITE', 'nii', NOT_FINITE],
  ['voxels too large for float32', 'NF_NIFTI_RANGE', 'nii', TOO_LARGE],
  ['two volumes', 'NF_CHECK_TIME', 'nii', withTime(2)],
  ['one value in all voxels', 'NF_CHECK_BLANK', 'nii', volume([4, 4, 2], () => 7)],
  [
    'one dark voxel and the rest alike',
    'NF_DATA_IMAGE_BLANK',
    'nii',
    volume([4, 4, 4], (to) => (to === 9 ? 1 : 7)),
  ],
  ['a name and a time in the gzip', 'NF_CHECK_GZIP_HEADER', 'nii.gz', telling(volume([4, 4, 2], (to) => to))],
];
const subject = (index: number) => `sub-${index + 1}`;
const imageOf = (id: string, ending: string) => join(id, 'anat', `${id}_T1w.${ending}`);

async function dataset(
  root: string,
  images: readonly { ending: string; bytes: Uint8Array }[],
): Promise<void> {
  await writeFiles(root, {
    'dataset_description.json': JSON.stringify({ Name: 'made', BIDSVersion: '1.11.1' }),
    'participants.tsv': [
      'participant_id\tdiagnosis',
      ...images.map((_, index) => `${subject(index)}\t${index % 2 ? 'glioma' : 'no_tumor'}`),
      '',
    ].join('\n'),
  });
  for (const [index, { ending, bytes }] of images.entries()) {
    const path = join(root, imageOf(subject(index), ending));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
}

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly hint: string;
  readonly place: { readonly file?: string; readonly participant?: string };
}

async function check(root: string): Promise<{ exit: number; findings: readonly Finding[] }> {
  const { answer } = await runJson(['preprocess', 'check', root, '--no-controls'], { cwd });
  return { exit: answer.exit_code, findings: (answer.data as { findings: Finding[] }).findings };
}

describe('preprocess check on an image with', () => {
  let findings: readonly Finding[] = [];

  beforeAll(async () => {
    await dataset(
      at('bad'),
      BAD.map(([, , ending, bytes]) => ({ ending, bytes })),
    );
    const found = await check('bad');
    expect(found.exit).toBe(1);
    findings = found.findings;
  });

  it.each(BAD.map(([what, code, ending], index) => ({ what, code, ending, index })))(
    '$what finds $code',
    ({ code, ending, index }) => {
      const id = subject(index);
      const own = findings.filter(({ place }) => place.participant === id);
      const found = own.find((one) => one.code === code);
      expect(own.map((one) => one.code)).toContain(code);
      expect(found?.place.file).toBe(join('bad', imageOf(id, ending)));
      expect(found?.hint).toMatch(/^[A-Z].{10,}\.$|^chmod /s);
    },
  );
});

describe('an image that looks odd, with', () => {
  let findings: readonly Finding[] = [];

  beforeAll(async () => {
    await dataset(
      at('odd'),
      ODD_BUT_READ.map(([, ending, bytes]) => ({ ending, bytes })),
    );
    findings = (await check('odd')).findings;
  });

  it.each(ODD_BUT_READ.map(([what, , , warning], index) => ({ what, warning, id: subject(index) })))(
    '$what, is read, and $warning is all that is said',
    ({ id, warning }) => {
      const own = findings.filter(({ place }) => place.participant === id);
      // These images are the same but for their headers.
      const said = own.filter(({ code }) => !/^NF_CHECK_(COPY|ALIKE|MIRRORED)/.test(code));
      expect(said.map(({ code, severity }) => `${severity} ${code}`)).toEqual(
        warning === undefined ? [] : [`warning ${warning}`],
      );
    },
  );
});

describe('a data set that trained once', () => {
  const bad = at('heads', 'sub-001', 'anat', 'sub-001_ce-gadolinium_T1w.nii.gz');
  const shown = join('heads', 'sub-001', 'anat', 'sub-001_ce-gadolinium_T1w.nii.gz');

  beforeAll(async () => {
    await runCli(['preprocess', 'phantom', 'heads', '--per-class', '3', '--sites', '1', '-q'], { cwd });
    await runCli(['preprocess', 'split', 'heads', '--sites', '2', '--out', 'heads.json', '-q'], { cwd });
    const set = ['data=heads', 'split=heads.json', 'num_rounds=1', 'local_epochs=1', 'image_size=32'];
    const sets = set.flatMap((one) => ['--set', one]);
    await runCli(['job', 'create', 'train', '--template', 'mri-fedavg', ...sets], { cwd });
    await runCli(['simulate', 'train', '-w', 'work', '-q'], { cwd, env });
    const whole = await readFile(bad);
    await writeFile(bad, whole.subarray(0, whole.length >> 1));
  });

  it('left nothing of the engine in the folder for temporary files', () => {
    expect(readdirSync(at('tmp'))).toEqual([]);
  });

  it('ends a simulation with the file of a bad image and its site', async () => {
    const { answer } = await runJson(['simulate', 'train', '-w', 'bad-work'], { cwd });
    expect(answer).toMatchObject({
      exit_code: 4,
      error_code: 'NF_NIFTI_GZIP_TRUNCATED',
      hint: expect.stringContaining('copy it again'),
      location: { file: shown, site: expect.stringMatching(/^site-[12]$/), round: 1 },
    });
    expect(leftovers(at('bad-work'))).toEqual([]);
  });

  it.each([
    ['a prediction', 'predict train heads/sub-001/anat/sub-001_ce-gadolinium_T1w.nii.gz -w work'],
    ['a prediction of the data set', 'predict train heads -w work'],
    ['an evaluation', 'evaluate train -w work'],
  ])('ends %s with the file', async (what, words) => {
    const place = { file: expect.stringContaining(shown) };
    await refused({ what, words, code: 'NF_NIFTI_GZIP_TRUNCATED', says: 'gzip stream', place });
  });
});
