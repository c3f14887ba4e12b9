import { execFile, execFileSync } from 'node:child_process';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { centredAffine } from '../../../../src/preprocess/nifti/affine.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import { DATA_LIMITS } from '../../../../src/runtime/base/limits.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const FLOAT64 = 64;
const MODULE = join(import.meta.dirname, '../../../../src/preprocess/nifti/read.ts');

/** The head of an image of n x n x n zeros of float64. */
function headOf(side: number): Buffer {
  const head = Buffer.from(
    encodeNifti({ shape: [1, 1, 1], data: new Float32Array(1), affine: centredAffine([1, 1, 1], [1, 1, 1]) }),
  ).subarray(0, 352);
  for (const at of [42, 44, 46]) head.writeInt16LE(side, at);
  head.writeInt16LE(FLOAT64, 70);
  head.writeInt16LE(64, 72);
  return head;
}

/** In members of one size, so that it is made in little time. */
function bomb(side: number): Buffer {
  const zeros = gzipSync(Buffer.alloc(8 * side ** 2));
  return Buffer.concat([gzipSync(headOf(side)), ...Array<Buffer>(side).fill(zeros)]);
}

/** Reads images in a process of its own: what it says last, or how it failed. */
async function readApart(
  paths: readonly string[],
  { dataKb, heapMb = 100 }: { dataKb: number; heapMb?: number },
) {
  const code = `
    import { readNifti } from ${JSON.stringify(MODULE)};
    for (const path of ${JSON.stringify(paths)})
      try { console.log((await readNifti(path)).shape.join()); }
      catch (thrown) { console.log(thrown.code, thrown.message); }`;
  const node = `ulimit -d ${dataKb}; exec ${process.execPath} --max-old-space-size=${heapMb} --input-type=module -e "$CODE"`;
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', node], {
    env: { ...process.env, CODE: code },
  });
  return { said: stdout.trim().split('\n'), stderr };
}

describe('an image that is small on disk and large in memory', () => {
  let large = '';
  beforeAll(async () => {
    large = join(root, 'large.nii.gz');
    await writeFile(large, bomb(330));
  });

  it('is refused by its header where its bytes are more than the limit, as stored or as numbers', async () => {
    const { most } = DATA_LIMITS.image_bytes;
    const path = join(root, 'huge.nii.gz');
    for (const side of [640, 513]) {
      await writeFile(path, gzipSync(Buffer.concat([headOf(side), Buffer.alloc(2 ** 22)])));
      await expect(readNifti(path)).rejects.toMatchObject({
        code: 'NF_NIFTI_TOO_LARGE',
        message: expect.stringContaining(`${8 * side ** 3} bytes in memory; at most ${most} are read`),
        place: { file: path },
      });
    }
  });

  it.runIf(process.platform === 'linux')(
    'is a named error with its file where the process has no memory for it, and the next one is read',
    async () => {
      const small = join(root, 'small.nii.gz');
      await writeFile(small, bomb(8));
      const { said, stderr } = await readApart([large, small], { dataKb: 800_000 });
      expect(stderr).toBe('');
      expect(said[0]).toMatch(/^NF_NIFTI_MEMORY .*large\.nii\.gz needs 432 MB/);
      expect(said[1]).toBe('8,8,8');
    },
  );

  it('that is a pipe, a device or a folder is refused at once', async () => {
    const pipe = join(root, 'pipe.nii.gz');
    execFileSync('mkfifo', [pipe]);
    for (const path of [pipe, '/dev/zero', root])
      await expect(readNifti(path), path).rejects.toMatchObject({
        code: expect.stringMatching(/^NF_(PATH_UNUSABLE|NIFTI_NOT_A_FILE)$/),
        place: { file: path },
      });
  });

  it('is a named error where the file itself is more than is read', async () => {
    const path = join(root, 'sparse.nii');
    await writeFile(path, '');
    await truncate(path, 3e9);
    await expect(readNifti(path)).rejects.toMatchObject({ code: 'NF_INPUT_LARGE', place: { file: path } });
  });
});
