import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findExamples } from '../../../../src/preprocess/bids/layout.ts';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { generatePhantom, type PhantomOptions } from '../../../../src/preprocess/phantom/generate.ts';
import { DIAGNOSES } from '../../../../src/preprocess/phantom/lesion.ts';
import { planParticipants } from '../../../../src/preprocess/phantom/plan.ts';
import { sha256 } from '../../../../src/runtime/base/digest.ts';
import { packageVersion } from '../../../../src/runtime/base/files/package-version.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phantom-'));
});
afterEach(() => rm(folder, { recursive: true }));

function options(changes: Partial<PhantomOptions> = {}): PhantomOptions {
  return {
    target: join(folder, 'out'),
    sites: 2,
    perClass: 1,
    size: 16,
    seed: 1,
    jobs: 1,
    signal: new AbortController().signal,
    progress: noProgress,
    ...changes,
  };
}

async function digests(root: string): Promise<Record<string, string>> {
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hashes = await Promise.all(
    files.sort().map(async (file) => [file.slice(root.length), sha256(await readFile(file))]),
  );
  return Object.fromEntries(hashes);
}

describe('the plan', () => {
  it('gives every site every diagnosis equally often', () => {
    const planned = planParticipants({ sites: 3, perClass: 5, size: 64, seed: 9 });
    expect(planned).toHaveLength(60);
    for (const site of [1, 2, 3]) {
      for (const diagnosis of DIAGNOSES) {
        expect(planned.filter((one) => one.site === site && one.diagnosis === diagnosis)).toHaveLength(5);
      }
    }
    expect(planned.map(({ id }) => id).slice(0, 3)).toEqual(['sub-001', 'sub-002', 'sub-003']);
  });

  it('does not put the diagnoses in a fixed order', () => {
    const orders = [1, 2].map((seed) => planParticipants({ sites: 1, perClass: 4, size: 64, seed }));
    const [one, two] = orders.map((planned) => planned.map(({ diagnosis }) => diagnosis));
    expect(one).not.toEqual(two);
    expect(one?.slice(0, 4)).not.toEqual(Array(4).fill('glioma'));
  });
});

describe('a phantom data set', () => {
  it('is raw BIDS with images, sidecars, labels and masks', async () => {
    const made = await generatePhantom(options());
    expect(made).toEqual({
      path: join(folder, 'out'),
      participants: 8,
      sites: 2,
      perClass: 1,
      seed: 1,
      shape: [16, 19, 13],
    });
    const { rows, columns } = await readParticipants(made.path);
    expect(columns).toEqual(['participant_id', 'diagnosis', 'site']);
    expect(rows.map((row) => row.values.get('diagnosis')).sort()).toEqual(
      [...DIAGNOSES, ...DIAGNOSES].sort(),
    );
    for (const { id, values } of rows) {
      const [[path = ''] = []] = await findExamples(made.path, id);
      expect(path.slice(made.path.length)).toBe(`/${id}/anat/${id}_ce-gadolinium_T1w.nii.gz`);
      const mask = await readNifti(
        join(made.path, `derivatives/lesions/${id}/anat/${id}_ce-gadolinium_desc-lesion_mask.nii.gz`),
      );
      const image = await readNifti(path);
      expect(mask).toMatchObject({ shape: image.shape, affine: image.affine, dtype: 'uint8', units: 'mm' });
      expect(mask.data.some((value) => value === 1)).toBe(values.get('diagnosis') !== 'no_tumor');
      const sidecar = JSON.parse(await readFile(path.replace('.nii.gz', '.json'), 'utf8'));
      expect(sidecar.InstitutionName).toBe(values.get('site'));
    }
    const description = JSON.parse(await readFile(join(made.path, 'dataset_description.json'), 'utf8'));
    expect(description).toMatchObject({
      DatasetType: 'raw',
      GeneratedBy: [{ Name: 'neuroflare', Version: packageVersion() }],
    });
    expect(await readdir(folder)).toEqual(['out']);
  });

  it('has the same bytes whatever the number of threads, and others for another seed', async () => {
    await generatePhantom(options());
    await generatePhantom(options({ target: join(folder, 'threads'), jobs: 3 }));
    await generatePhantom(options({ target: join(folder, 'other'), seed: 2 }));
    const [one, threads, other] = await Promise.all(
      ['out', 'threads', 'other'].map((name) => digests(join(folder, name))),
    );
    expect(threads).toEqual(one);
    expect(Object.values(other ?? {})).not.toEqual(Object.values(one ?? {}));
  });

  it('tells its progress', async () => {
    const steps: number[] = [];
    await generatePhantom(options({ sites: 1, progress: ({ done, total }) => steps.push(done / total) }));
    expect(steps).toEqual([0.25, 0.5, 0.75, 1]);
  });

  it.each(['folder', 'file', 'link'])('refuses a target that is there: a %s', async (kind) => {
    const { symlink, writeFile } = await import('node:fs/promises');
    const target = join(folder, 'out');
    if (kind === 'folder') await mkdir(target);
    if (kind === 'file') await writeFile(target, 'mine');
    if (kind === 'link') await symlink(join(folder, 'nowhere'), target);
    await expect(generatePhantom(options())).rejects.toMatchObject({
      code: 'NF_PATH_EXISTS',
      exitCode: 4,
      place: { file: target },
    });
    expect(await readdir(folder)).toEqual(['out']);
  });

  it.each([1, 2])('leaves nothing when it is stopped, with %i threads', async (jobs) => {
    const controller = new AbortController();
    const reason = new Error('stopped');
    const progress = () => controller.abort(reason);
    await expect(generatePhantom(options({ jobs, signal: controller.signal, progress }))).rejects.toBe(
      reason,
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves nothing when a folder cannot be written', async () => {
    const target = join(folder, 'out');
    const progress = () => {
      throw new Error('no');
    };
    await expect(generatePhantom(options({ target, progress, jobs: 2 }))).rejects.toThrow('no');
    expect(existsSync(target)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });
});
