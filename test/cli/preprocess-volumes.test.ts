import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readNifti } from '../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { contrastsTree } from '../support/contrasts-tree.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();
const HEAD = 'sub-001/anat/sub-001_ce-gadolinium_T1w.nii.gz';
const volumes = (...args: string[]) => runJson(['preprocess', 'volumes', ...args], { cwd });
const pipeline = async (name: string, text: string) => {
  await writeFile(join(cwd, name), text);
  return ['--pipeline', name];
};

/** Every file below a folder, with its digest. */
async function digests(folder: string): Promise<Record<string, string>> {
  const names = await readdir(join(cwd, folder), { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const pairs = files.map(async (file) => [
    file.slice(join(cwd, folder).length),
    sha256(await readFile(file)),
  ]);
  return Object.fromEntries(await Promise.all(pairs));
}

describe('neuroflare preprocess volumes', () => {
  beforeAll(async () => {
    const made = await runCli('preprocess phantom heads --sites 2 --per-class 1 --size 24'.split(' '), {
      cwd,
    });
    expect(made.code, made.stderr).toBe(0);
  });

  it('prepares a data set, and split and check take it', async () => {
    const steps = ['reorient', 'bias_field', 'resample', 'crop', 'intensity'];
    const flags = await pipeline(
      'whole.yaml',
      'steps:\n  - {step: reorient}\n  - {step: bias_field, shrink: 2}\n  - {step: resample, voxel: 6}\n' +
        '  - {step: crop}\n  - {step: intensity, method: z_score}\n',
    );
    const { code, answer } = await volumes('heads', 'standard', ...flags);
    expect(code, answer.message).toBe(0);
    expect(answer).toMatchObject({ data: { steps, bad: [] } });
    const image = await readNifti(
      join(cwd, 'standard/sub-001/anat/sub-001_ce-gadolinium_desc-preproc_T1w.nii.gz'),
    );
    const head = await readNifti(
      join(cwd, 'standard/sub-001/anat/sub-001_ce-gadolinium_desc-head_mask.nii.gz'),
    );
    expect(image.orientation).toBe('RAS');
    for (const axis of [0, 1, 2]) expect(image.affine[axis]?.[axis]).toBeCloseTo(6, 5);
    expect(head.shape).toEqual(image.shape);
    const inside = image.data.filter((_, voxel) => head.data[voxel] === 1);
    const mean = inside.reduce((a, b) => a + b, 0) / inside.length;
    const squares = inside.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    expect(mean).toBeCloseTo(0, 3);
    expect(Math.sqrt(squares / inside.length)).toBeCloseTo(1, 3);
    const check = await runJson(['preprocess', 'check', 'standard', '--no-controls'], { cwd });
    expect(check.answer).toMatchObject({ data: { counts: { error: 0, warning: 0 } } });
    const split = await runJson(
      ['preprocess', 'split', 'standard', '--sites', '2', '--test', '0', '--out', 's.json'],
      { cwd },
    );
    expect(split.code, split.answer.message).toBe(0);
    const description: unknown = JSON.parse(
      await readFile(join(cwd, 'standard/dataset_description.json'), 'utf8'),
    );
    expect(description).toMatchObject({
      DatasetType: 'derivative',
      DatasetLinks: { raw: '../heads' },
      GeneratedBy: [{ Description: expect.stringContaining('"shrink":2') }],
    });
  });

  it('brings images to a scale that was fitted by a command before', async () => {
    const flags = await pipeline(
      'nyul.yaml',
      'steps:\n  - {step: resample, voxel: 8}\n  - {step: intensity, method: nyul, scale: scale.json}\n',
    );
    const scale = await runJson(['preprocess', 'scale', 'heads', 'scale.json', ...flags], { cwd });
    expect(scale.code, scale.answer.message).toBe(0);
    expect(scale.answer).toMatchObject({
      data: { part: 'all', images: expect.arrayContaining([HEAD]), bad: [] },
    });
    const { answer } = await volumes('heads', 'on-scale', ...flags);
    expect(answer).toMatchObject({ data: { steps: ['resample', 'intensity'], bad: [] } });
  });

  it('has the same bytes whatever the number of threads', async () => {
    const flags = await pipeline(
      'small.yaml',
      'steps:\n  - {step: reorient, to: LPS}\n  - {step: resample, voxel: [6, 6, 8], interpolation: cubic}\n' +
        '  - {step: fit, shape: [20, 30, 10]}\n  - {step: intensity, method: percentiles}\n',
    );
    expect((await volumes('heads', 'one', ...flags, '--jobs', '1')).code).toBe(0);
    expect((await volumes('heads', 'three', ...flags, '--jobs', '3')).code).toBe(0);
    const [one, three] = [await digests('one'), await digests('three')];
    // The name of the data set is that of its folder.
    for (const named of ['/dataset_description.json', '/README']) {
      delete one[named];
      delete three[named];
    }
    const own = Object.keys(one).filter((name) => !name.startsWith('/derivatives/'));
    expect(own).toHaveLength(8 * 4 + 4);
    expect(three).toEqual(one);
    const image = await readNifti(
      join(cwd, 'one/sub-001/anat/sub-001_ce-gadolinium_desc-preproc_T1w.nii.gz'),
    );
    expect([image.orientation, image.shape]).toEqual(['LPS', [20, 30, 10]]);
    expect(Math.max(...image.data)).toBe(1);
  });

  it.each([
    [['--channel', 'T1w', '--channel', 'FLAIR'], '--channel T1w --channel FLAIR', 4],
    [['--suffix', 'FLAIR'], '--suffix FLAIR', 2],
  ])('says by which flags what it made of %s is found', async (chosen, said, images) => {
    const name = `of-${chosen.length}`;
    await contrastsTree(join(cwd, `${name}-bids`));
    const flags = await pipeline(`${name}.yaml`, 'steps:\n  - {step: resample, voxel: 4}\n');
    const made = await runCli(['preprocess', 'volumes', `${name}-bids`, name, ...chosen, ...flags], { cwd });
    const next = `preprocess check ${join(cwd, name)} ${said}`;
    expect(made.stdout).toContain(`Next: neuroflare ${next}\n`);
    const { answer } = await runJson([...next.split(' '), '--no-controls'], { cwd });
    expect(answer).toMatchObject({ data: { images, classes: { all: { ill: 1, well: 1 } } } });
  });

  describe('with volumes that cannot be prepared', () => {
    const affine = [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 1],
    ] as const;

    beforeAll(async () => {
      const images: Record<string, Buffer | Uint8Array> = {
        'sub-blank': encodeNifti({ shape: [4, 4, 4], data: new Uint8Array(64).fill(9), affine }),
        'sub-cut': encodeNifti({ shape: [4, 4, 4], data: new Uint8Array(64).fill(9), affine }).subarray(
          0,
          380,
        ),
        'sub-flat': encodeNifti({
          shape: [8, 8, 1],
          data: Uint8Array.from({ length: 64 }, (_, at) => at),
          affine,
        }),
        'sub-good': encodeNifti({
          shape: [6, 6, 6],
          data: Uint8Array.from({ length: 216 }, (_, at) => (at % 6) * (Math.floor(at / 6) % 6) * 9),
          affine,
        }),
      };
      for (const [subject, bytes] of Object.entries(images)) {
        await mkdir(join(cwd, 'mixed', subject, 'anat'), { recursive: true });
        await writeFile(join(cwd, 'mixed', subject, 'anat', `${subject}_T1w.nii`), bytes);
      }
      await writeFile(
        join(cwd, 'mixed/dataset_description.json'),
        '{"Name": "mixed", "BIDSVersion": "1.11.1"}',
      );
      await writeFile(join(cwd, 'mixed/participants.tsv'), 'participant_id\tdiagnosis\nsub-good\tnone\n');
    });

    it('names the first, and leaves nothing', async () => {
      const { code, answer } = await volumes('mixed', 'prepared', '--jobs', '1');
      expect(code).toBe(4);
      expect(answer).toMatchObject({
        error_code: 'NF_PREPARE_BLANK',
        location: { file: expect.stringContaining('sub-blank_T1w.nii') },
      });
      expect((await readdir(cwd)).filter((name) => name.includes('prepared'))).toEqual([]);
    });

    it('leaves them out when it is told to, each with its reason', async () => {
      const { code, answer } = await volumes('mixed', 'prepared', '--skip-bad');
      expect(code, answer.message).toBe(0);
      expect(answer).toMatchObject({
        data: {
          images: [{ file: 'sub-good/anat/sub-good_T1w.nii' }],
          bad: [
            { file: 'sub-blank/anat/sub-blank_T1w.nii', code: 'NF_PREPARE_BLANK' },
            { file: 'sub-cut/anat/sub-cut_T1w.nii', code: expect.stringMatching(/^NF_NIFTI_/) },
            { file: 'sub-flat/anat/sub-flat_T1w.nii', code: 'NF_PREPARE_FLAT' },
          ],
        },
      });
    });
  });

  const STEP = 'steps:\n  - {step: ';
  it.each([
    ['an unknown step', `${STEP}denoise}\n`, 'NF_PIPELINE', 2],
    ['no steps', 'steps: []\n', 'NF_PIPELINE', 1],
    ['axes that are none', `${STEP}reorient, to: RRS}\n`, 'NF_PIPELINE', 2],
    ['a voxel of 0 mm', `${STEP}resample, voxel: 0}\n`, 'NF_PIPELINE', 2],
    ['two sizes for three axes', `${STEP}resample, voxel: [1, 1]}\n`, 'NF_PIPELINE', 2],
    ['a key of another step', `${STEP}crop, margin: 3, voxel: 2}\n`, 'NF_PIPELINE', 2],
    ['a key twice', `${STEP}crop, margin: 3, margin: 4}\n`, 'NF_PIPELINE_YAML', 2],
    ['a shape beyond all heads', `${STEP}fit, shape: [5000, 1, 1]}\n`, 'NF_PIPELINE', 2],
  ])('refuses a pipeline with %s, with the line', async (_, text, code, line) => {
    const { answer } = await volumes('heads', 'never', ...(await pipeline('bad.yaml', text)));
    expect(answer).toMatchObject({ status: 'error', error_code: code, location: { file: 'bad.yaml', line } });
    expect(existsSync(join(cwd, 'never'))).toBe(false);
  });

  it('refuses places that cannot be', async () => {
    expect((await volumes('heads', 'heads/inside')).answer.error_code).toBe('NF_BIDS_PLACES');
    expect((await volumes('heads', 'mixed')).answer.error_code).toBe('NF_PATH_EXISTS');
    expect((await volumes('nowhere', 'never')).answer.error_code).toBe('NF_PATH_MISSING');
    expect((await volumes('heads', 'never', '--pipeline', 'nowhere.yaml')).answer.error_code).toBe(
      'NF_PATH_MISSING',
    );
    await mkdir(join(cwd, 'empty'));
    expect((await volumes('empty', 'never')).answer.error_code).toBe('NF_BIDS_NOT_A_DATASET');
    await writeFile(join(cwd, 'empty/dataset_description.json'), '{}');
    expect((await volumes('empty', 'never')).answer.error_code).toBe('NF_PREPARE_NONE');
  });
});
