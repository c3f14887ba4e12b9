import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type DefaceOptions, defaceDataset } from '../../../../src/preprocess/deface/tree/deface-dataset.ts';
import { worldOf } from '../../../../src/preprocess/nifti/affine.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { inHead, madeHead, tissueAt, tissuesIn } from '../../../support/whole-head.ts';

const cwd = tempFolder();
const HEAD = madeHead();
const head = encodeNifti(HEAD);
const random = createRandom('deface-tree', 1);
const noise = encodeNifti({ ...HEAD, data: HEAD.data.map(() => Math.floor(1000 * random.next())) });
const blank = encodeNifti({ ...HEAD, data: HEAD.data.map(() => 7) });
const brain = encodeNifti(madeHead({ factor: (tissue) => (tissue === 'brain' ? 1 : 0) }));
const slice = encodeNifti({
  ...HEAD,
  shape: [38, 52, 1],
  data: HEAD.data.slice(-38 * 52 * 12, -38 * 52 * 11),
});
const whole = (tissues: readonly string[]) => {
  const { shape, affine } = HEAD;
  const data = Uint8Array.from(HEAD.data, (_, at) => {
    const index = [at % shape[0], Math.floor(at / shape[0]) % shape[1], Math.floor(at / shape[0] / shape[1])];
    const [i = 0, j = 0, k = 0] = index;
    return tissues.includes(tissueAt(inHead(worldOf(affine, [i, j, k])))) ? 1 : 0;
  });
  return encodeNifti({ shape, affine, data });
};

let count = 0;
async function treeOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<DefaceOptions> {
  const folder = join(cwd, `tree-${count++}`);
  const all = { 'dataset_description.json': '{"Name": "made", "BIDSVersion": "1.11.1"}', ...files };
  for (const [name, content] of Object.entries(all)) {
    const file = join(folder, 'bids', name);
    await mkdir(dirname(file), { recursive: true });
    const isPacked = typeof content !== 'string' && name.endsWith('.gz');
    await writeFile(file, isPacked ? gzipSync(content, { level: 1 }) : content);
  }
  return {
    source: join(folder, 'bids'),
    target: join(folder, 'defaced'),
    keep: [],
    skipBad: false,
    jobs: 2,
    signal: new AbortController().signal,
    progress: () => undefined,
  };
}

const json = async (...path: string[]) => JSON.parse(await readFile(join(...path), 'utf8')) as object;
const beside = (options: DefaceOptions) => readdir(dirname(options.target));

describe('the images of a data set', () => {
  it('lose their faces, and all else of BIDS comes along', async () => {
    const options = await treeOf({
      README: 'Made.',
      'participants.tsv': 'participant_id\tage\nsub-01\t30\nsub-02\t40\n',
      'T1w.json': '{"FlipAngle": 9, "DeidentificationMethod": ["names"]}',
      'sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz': head,
      'sub-01/ses-1/anat/sub-01_ses-1_T1w.json': '\uFEFF{"EchoTime": 0.003}',
      'sub-01/ses-1/fmap/sub-01_ses-1_phase1.nii.gz': noise,
      'sub-01/ses-1/sub-01_ses-1_scans.tsv': 'filename\nanat/sub-01_ses-1_T1w.nii.gz\n',
      'sub-02/func/sub-02_task-rest_run-1_bold.nii': head,
      'sub-02/func/sub-02_task-rest_run-2_bold.nii': slice,
      'sub-02/func/sub-02_task-rest_bold.json': '{"TaskName": "rest"}',
      'sub-02/func/sub-02_task-rest_run-1_events.tsv': 'onset\tduration\n1\t2\n',
      'derivatives/lesions/dataset_description.json': '{"Name": "lesions"}',
      'derivatives/lesions/sub-01/ses-1/anat/sub-01_ses-1_desc-head_mask.nii.gz': whole([
        'brain',
        'face',
        'skin',
      ]),
      'derivatives/lesions/sub-01/ses-1/anat/sub-01_ses-1_desc-lesion_mask.nii.gz': whole(['brain']),
      'derivatives/made/sub-01/anat/sub-01_desc-preproc_T1w.nii.gz': head,
      'sourcedata/secret.dcm': 'DICM',
      'sub-02/eeg/sub-02_photo.jpg': 'a face',
    });
    const { images, masks, left, bad } = await defaceDataset(options);
    expect(bad).toEqual([]);
    expect(images.map(({ file, outcome }) => [file, outcome])).toEqual([
      ['sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz', 'removed'],
      ['sub-01/ses-1/fmap/sub-01_ses-1_phase1.nii.gz', 'removed'],
      ['sub-02/func/sub-02_task-rest_run-1_bold.nii', 'removed'],
      ['sub-02/func/sub-02_task-rest_run-2_bold.nii', 'slice'],
    ]);
    expect(left.map(({ file }) => file)).toEqual([
      'derivatives',
      'sourcedata',
      'sub-02/eeg/sub-02_photo.jpg',
    ]);
    expect(masks.map(({ removedMl }) => removedMl > 0)).toEqual([true, false]);

    const { target } = options;
    const stem = 'sub-01/ses-1/anat/sub-01_ses-1';
    const { data } = await readNifti(join(target, `${stem}_T1w.nii.gz`));
    const mask = await readNifti(join(target, `derivatives/defacing/${stem}_desc-faceT1w_mask.nii.gz`));
    const marks = Uint8Array.from(mask.data);
    expect(tissuesIn(marks, HEAD)).toMatchObject({ brain: 0, bone: 0, face: expect.any(Number) });
    const least = HEAD.data.reduce((low, value) => Math.min(low, value));
    expect(data.findIndex((value, at) => value !== (marks[at] ? least : HEAD.data[at]))).toBe(-1);
    const packed = await readFile(join(target, `${stem}_T1w.nii.gz`));
    expect(gunzipSync(packed).subarray(0, 352)).toEqual(Buffer.from(head.subarray(0, 352)));
    const { data: headMask } = await readNifti(
      join(target, `derivatives/lesions/${stem}_desc-head_mask.nii.gz`),
    );
    expect(headMask.some((value, at) => value === 1 && marks[at] === 1)).toBe(false);

    expect(await json(target, `${stem}_T1w.json`)).toEqual({
      EchoTime: 0.003,
      DeidentificationMethod: ['names', expect.stringContaining('Quickshear')],
    });
    expect(await json(target, 'sub-02/func/sub-02_task-rest_run-2_bold.json')).toMatchObject({
      TaskName: 'rest',
    });
    expect((await readdir(join(target, 'sub-02/func'))).sort()).toEqual([
      'sub-02_task-rest_run-1_bold.json',
      'sub-02_task-rest_run-1_bold.nii',
      'sub-02_task-rest_run-1_events.tsv',
      'sub-02_task-rest_run-2_bold.json',
      'sub-02_task-rest_run-2_bold.nii',
    ]);
    expect(await json(target, 'dataset_description.json')).toMatchObject({
      Name: 'made',
      GeneratedBy: [{ Name: 'neuroflare' }],
    });
    const report = (await readFile(join(target, 'code/defacing.tsv'), 'utf8')).split('\n');
    expect(report[0]).toBe('file\tface\tremoved_ml\tbrain_ml');
    expect(report[1]).toMatch(/_T1w\.nii\.gz\tremoved\t\d+\.\d\t\d+$/);
    expect(await readFile(join(target, 'participants.tsv'), 'utf8')).toContain('sub-02\t40');
    expect((await readdir(target)).sort()).toEqual([
      ...['README', 'T1w.json', 'code', 'dataset_description.json', 'derivatives', 'participants.tsv'],
      ...['sub-01', 'sub-02'],
    ]);
  });

  it('are the same whatever the threads, and are taken up where a run was broken off', async () => {
    const options = await treeOf({
      'sub-01/anat/sub-01_T1w.nii.gz': head,
      'sub-02/anat/sub-02_T1w.nii.gz': slice,
      'sub-03/anat/sub-03_T1w.nii.gz': slice,
    });
    const stop = new AbortController();
    const progress = ({ done }: { done: number }) => done === 2 && stop.abort(new Error('stopped'));
    const broken = defaceDataset({ ...options, jobs: 1, signal: stop.signal, progress });
    await expect(broken).rejects.toThrow('stopped');
    expect(await beside(options)).not.toContain('defaced');
    const { resumed, path } = await defaceDataset(options);
    expect(resumed).toBeGreaterThan(0);
    expect(await beside(options)).toEqual(['bids', 'defaced']);
    const other = await defaceDataset({ ...options, target: join(dirname(path), 'other'), jobs: 1 });
    expect(other.resumed).toBe(0);
    for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.parentPath === `${path}/derivatives/defacing`) continue;
      const file = join(entry.parentPath, entry.name);
      expect(await readFile(join(other.path, file.slice(path.length)))).toEqual(await readFile(file));
    }
  });

  it('keep them where that is said, and where there is none to look for', async () => {
    const options = await treeOf({
      'sub-01/anat/sub-01_desc-slice_T1w.nii.gz': slice,
      'sub-01/anat/sub-01_desc-brain_T1w.nii.gz': brain,
      'sub-01/anat/sub-01_desc-brain_T1w.json': '{"SkullStripped": true}',
      'sub-01/anat/sub-01_desc-whole_T1w.nii.gz': head,
      'sub-01/anat/sub-01_desc-whole_T1w.json': '{"SkullStripped": true}',
      'sub-01/func/sub-01_task-rest_bold.nii.gz': noise,
    });
    const { images } = await defaceDataset({ ...options, keep: ['bold'] });
    expect(images.map(({ outcome }) => outcome)).toEqual(['stripped', 'slice', 'removed', 'kept']);
    const bold = 'sub-01/func/sub-01_task-rest_bold.nii.gz';
    expect(await readFile(join(options.target, bold))).toEqual(await readFile(join(options.source, bold)));
    const masks = await readdir(join(options.target, 'derivatives/defacing/sub-01/anat'));
    expect(masks).toContain('sub-01_desc-faceWholeT1w_mask.nii.gz');
    await expect(
      defaceDataset({ ...options, target: `${options.target}-2`, keep: ['bolt'] }),
    ).rejects.toMatchObject({
      code: 'NF_DEFACE_KEEP',
    });
  });
});

describe('what cannot be used', () => {
  const files = {
    'participants.tsv': 'participant_id\nsub-01\nsub-02\nsub-03\nsub-04\n',
    'sub-01/anat/sub-01_T1w.nii.gz': slice,
    'sub-01/func/sub-01_task-rest_bold.nii.gz': blank,
    'sub-01/func/sub-01_task-rest_bold.json': '{"TaskName": "rest"}',
    'sub-01/func/sub-01_task-rest_events.tsv': 'onset\tduration\n',
    'sub-01/sub-01_scans.tsv': 'filename\nanat/sub-01_T1w.nii.gz\nfunc/sub-01_task-rest_bold.nii.gz\n',
    'sub-03/anat/sub-03_T1w.nii.gz': 'no gzip at all',
    'sub-04/anat/sub-04_T1w.nii.gz': head,
    'sub-04/anat/sub-04_T1w.json': '[1]',
  };
  const absent = async (source: string) => {
    await mkdir(join(source, 'sub-02/anat'), { recursive: true });
    const object = '../../.git/annex/objects/a/b/MD5E-1.nii.gz';
    await symlink(object, join(source, 'sub-02/anat/sub-02_T1w.nii.gz'));
  };
  it('is named all at once, and nothing is written', async () => {
    const options = await treeOf(files);
    await absent(options.source);
    const failed = await defaceDataset(options).catch((error: unknown) => error);
    const { code, place } = failed as { code: string; place: { excerpt: string } };
    expect(code).toBe('NF_DEFACE_BAD');
    expect(place.excerpt.split('\n').map((line) => line.replace(/,.*/, ''))).toEqual([
      'sub-01/func/sub-01_task-rest_bold.nii.gz: NF_DEFACE_IMAGE',
      'sub-02/anat/sub-02_T1w.nii.gz: NF_BIDS_CONTENT_ABSENT',
      'sub-03/anat/sub-03_T1w.nii.gz: NF_NIFTI_NOT_GZIP',
      'sub-04/anat/sub-04_T1w.nii.gz: NF_DEFACE_SIDECAR',
    ]);
    expect(await beside(options)).toEqual(['bids']);

    const { images, bad } = await defaceDataset({ ...options, skipBad: true });
    expect([images.length, bad.length]).toEqual([1, 4]);
    const text = (name: string) => readFile(join(options.target, name), 'utf8');
    expect(await text('participants.tsv')).toBe('participant_id\nsub-01\n');
    expect(await text('sub-01/sub-01_scans.tsv')).toBe('filename\nanat/sub-01_T1w.nii.gz\n');
    expect((await readdir(join(options.target, 'sub-01'))).sort()).toEqual(['anat', 'sub-01_scans.tsv']);
  });

  it('is a link out of the data set, a data set without images, a target that is there or inside', async () => {
    const options = await treeOf({ 'sub-01/anat/sub-01_T1w.nii.gz': slice });
    const outside = join(dirname(options.source), 'outside.nii.gz');
    await writeFile(outside, gzipSync(head));
    await mkdir(join(options.source, 'sub-02/anat'), { recursive: true });
    await symlink(outside, join(options.source, 'sub-02/anat/sub-02_T1w.nii.gz'));
    await expect(defaceDataset(options)).rejects.toMatchObject({
      place: { excerpt: expect.stringContaining('NF_BIDS_IMAGE_OUTSIDE') },
    });
    const within = { ...options, target: join(options.source, 'derivatives/defaced') };
    await expect(defaceDataset(within)).rejects.toMatchObject({ code: 'NF_BIDS_PLACES' });
    await mkdir(options.target);
    await expect(defaceDataset(options)).rejects.toMatchObject({ code: 'NF_PATH_EXISTS' });
    const empty = await treeOf({ 'sub-01/eeg/sub-01_task-rest_eeg.edf': 'edf' });
    await expect(defaceDataset(empty)).rejects.toMatchObject({ code: 'NF_DEFACE_NONE' });
    await rm(join(empty.source, 'dataset_description.json'));
    await expect(defaceDataset(empty)).rejects.toMatchObject({ code: 'NF_BIDS_NOT_A_DATASET' });
  });
});
