import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNifti, readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { NeuroflareError } from '../../../../src/runtime/base/errors/errors.ts';
import { GZIP_FAULTS, NIFTI_FAULTS, NOT_FINITE, packed } from './bad-files.ts';

describe('a faulty NIfTI file', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nifti-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function codeOf(file: string, bytes: Uint8Array): Promise<string> {
    const error = await decodeNifti(bytes, file).catch((thrown: unknown) => thrown);
    if (!(error instanceof NeuroflareError)) return `no catalogue error: ${String(error)}`;
    expect(error.place?.file).toBe(file);
    expect(error.message).toContain(file);
    expect(error.exitCode).toBe(4);
    return error.code;
  }

  it.each(NIFTI_FAULTS)('with %s is refused: %s', async (_, code, bytes) => {
    expect(await codeOf('a.nii', bytes)).toBe(code);
    if (bytes.length > 0)
      expect(await codeOf('a.nii.gz', gzipSync(bytes))).toBe(code.replace('_EMPTY', '_SHORT'));
  });

  it.each(GZIP_FAULTS)('of %s is refused: %s', async (_, code, bytes) => {
    expect(await codeOf('a.nii.gz', bytes)).toBe(code);
  });

  it('of gzip under a plain name is refused', async () => {
    expect(await codeOf('a.nii', packed)).toBe('NF_NIFTI_UNEXPECTED_GZIP');
  });

  it('with NaN or infinite voxels is refused, with their number and the first place', async () => {
    const error = await decodeNifti(NOT_FINITE, 'a.nii').catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'NF_NIFTI_NOT_FINITE' });
    expect((error as Error).message).toContain('2 voxels');
    expect((error as Error).message).toContain('index 7');
  });

  it('that is missing or a folder is refused', async () => {
    await expect(readNifti(join(folder, 'none.nii'))).rejects.toMatchObject({ code: 'NF_PATH_MISSING' });
    await expect(readNifti(folder)).rejects.toMatchObject({ code: 'NF_NIFTI_NOT_A_FILE' });
    await writeFile(join(folder, 'empty.nii.gz'), '');
    await expect(readNifti(join(folder, 'empty.nii.gz'))).rejects.toMatchObject({ code: 'NF_NIFTI_EMPTY' });
  });
});
