import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNifti, readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { NeuroflareError } from '../../../../src/runtime/base/errors/errors.ts';
import { GIGABYTE, GZIP_FAULTS, IMAGE, NIFTI_FAULTS, NOT_FINITE, packed, TOO_LARGE } from './bad-files.ts';

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

  it('with finite voxels beyond float32 is refused, and not called infinite', async () => {
    const error = await decodeNifti(TOO_LARGE, 'a.nii').catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'NF_NIFTI_RANGE' });
    expect((error as Error).message).toContain('2 voxels of numbers too large for float32');
    expect((error as Error).message).toContain('index 7');
  });

  it.each([
    ['short', 'promises 524288000', gzipSync(GIGABYTE)],
    ['long', 'after the 48 bytes', gzipSync(Buffer.concat([IMAGE, new Uint8Array(9)]))],
  ])('whose voxels are %s is told their bytes alone', async (_, says, bytes) => {
    const error = await decodeNifti(bytes, 'a.nii.gz').catch((thrown: Error) => thrown);
    expect((error as Error).message).toContain(says);
  });

  const POINTERS: [string, string, string][] = [
    ['git-annex', 'datalad get', '/annex/objects/MD5E-s6740053--f6f419a0707333ac21abef535dcd4fea.nii.gz\n'],
    [
      'Git LFS',
      'lfs pull',
      `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 67\n`,
    ],
  ];
  it.each(POINTERS)('that is a pointer of %s says how its content comes', async (store, command, text) => {
    for (const name of ['a.nii.gz', 'a.nii']) {
      const error = await decodeNifti(Buffer.from(text), name).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'NF_BIDS_CONTENT_ABSENT', hint: expect.stringContaining(command) });
      expect((error as Error).message).toContain(store);
    }
  });

  const FOREIGN: [string, string, string][] = [
    ['a web page', 'copy it again', '<!DOCTYPE html><html><body>404</body></html>'],
    ['a DICOM file', 'dcm2niix', `${'\0'.repeat(128)}DICM${'\0'.repeat(400)}`],
    ['a zip archive', 'only gzip', `PK\x03\x04${'x'.repeat(400)}`],
    ['a PNG image', 'preprocess bids', `\x89PNG\r\n\x1a\n${'x'.repeat(400)}`],
  ];
  it.each(FOREIGN)('that is %s says so, packed or not', async (format, advice, text) => {
    const bytes = Buffer.from(text.padEnd(400), 'latin1');
    for (const [name, content] of [
      ['a.nii', bytes],
      ['a.nii.gz', bytes],
      ['b.nii.gz', gzipSync(bytes)],
    ] as const) {
      const error = await decodeNifti(content, name).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'NF_NIFTI_FOREIGN', hint: expect.stringContaining(advice) });
      expect((error as Error).message).toContain(format);
    }
  });

  it.each([
    ['a link into an annex', '../.git/annex/objects/aa/bb/K/K', 'NF_BIDS_CONTENT_ABSENT'],
    ['a link to nothing', 'elsewhere.nii', 'NF_BIDS_LINK'],
    ['a link in a loop', 'link.nii', 'NF_BIDS_LINK'],
  ])('behind %s is named', async (_, target, code) => {
    const path = join(folder, 'link.nii');
    await rm(path, { force: true });
    await symlink(target, path);
    await expect(readNifti(path)).rejects.toMatchObject({ code, place: { file: path } });
  });

  it('that is missing or a folder is refused', async () => {
    await expect(readNifti(join(folder, 'none.nii'))).rejects.toMatchObject({ code: 'NF_PATH_MISSING' });
    await expect(readNifti(folder)).rejects.toMatchObject({ code: 'NF_NIFTI_NOT_A_FILE' });
    await writeFile(join(folder, 'empty.nii.gz'), '');
    await expect(readNifti(join(folder, 'empty.nii.gz'))).rejects.toMatchObject({ code: 'NF_NIFTI_EMPTY' });
  });
});
