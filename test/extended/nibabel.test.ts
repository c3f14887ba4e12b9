import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Affine } from '../../src/preprocess/nifti/affine.ts';
import { readNifti } from '../../src/preprocess/nifti/read.ts';
import { encodeNifti, gzipNifti } from '../../src/preprocess/nifti/write.ts';
import { PYTHON, python } from '../support/python.ts';
import { tempFolder } from '../support/temp-folder.ts';

const SHAPE = [5, 4, 3] as const;
const OBLIQUE: Affine = [
  [-1.2, 0.3, 0, 40],
  [0.3, 1.2, 0, -20],
  [0, 0, 2.5, 7],
  [0, 0, 0, 1],
];
const ramp = <T extends Int16Array | Uint8Array | Float32Array>(data: T): T => {
  data.forEach((_, index) => {
    data[index] = index * 3 + 1;
  });
  return data;
};

interface Read {
  readonly shape: number[];
  readonly affine: number[][];
  readonly data: number[];
}

/** float32 in the header and in the result. */
function expectClose(actual: readonly number[], expected: readonly number[]): void {
  const worst = Math.max(...actual.map((value, index) => Math.abs(value - (expected[index] ?? Number.NaN))));
  expect(worst).toBeLessThan(1e-3);
}

describe.skipIf(!PYTHON)('nibabel', () => {
  const folder = tempFolder();

  it.each([
    ['uint8', ramp(new Uint8Array(60))],
    ['int16', ramp(new Int16Array(60))],
    ['float32', ramp(new Float32Array(60))],
  ])('reads what is written here: %s', async (dtype, data) => {
    const path = join(folder, `${dtype}.nii.gz`);
    writeFileSync(path, await gzipNifti(encodeNifti({ shape: [...SHAPE], data, affine: OBLIQUE })));
    const read = python<Read>(
      `import json, sys, nibabel, numpy as np
image = nibabel.load(sys.argv[1])
print(json.dumps({"shape": image.shape, "affine": image.affine.tolist(), "data": np.asarray(image.dataobj).ravel(order="F").tolist()}))`,
      path,
    );
    expect(read.shape).toEqual([...SHAPE]);
    expect(read.data).toEqual([...data]);
    expectClose(read.affine.flat(), OBLIQUE.flat());
  });

  it.each(['plain', 'scaled', 'big-endian', 'qform-only', 'gzipped'])(
    'writes what is read here: %s',
    async (kind) => {
      const path = join(folder, `${kind}.nii${kind === 'gzipped' ? '.gz' : ''}`);
      const expected = python<Read>(WRITE, path, kind);
      const image = await readNifti(path);
      expect([...image.shape]).toEqual(expected.shape);
      expect(image.data.length).toBe(expected.data.length);
      expectClose([...image.data], expected.data);
      expectClose(image.affine.flat(), expected.affine.flat());
    },
  );
});

const WRITE = `import json, sys, nibabel, numpy as np
path, kind = sys.argv[1:]
data = (np.arange(60).reshape((5, 4, 3), order="F") * 2 - 7).astype(np.int16)
affine = np.array([[0, -1.5, 0, 10], [2, 0, 0, -5], [0, 0, 1.25, 3], [0, 0, 0, 1]], float)
header = nibabel.Nifti1Header(endianness=">") if kind == "big-endian" else None
image = nibabel.Nifti1Image(data, affine, header)
if kind == "scaled":
    image = nibabel.Nifti1Image(data * 0.37 + 11, affine)
    image.set_data_dtype(np.int16)
if kind == "qform-only":
    image.set_sform(None, 0)
    image.set_qform(affine, 1)
nibabel.save(image, path)
image = nibabel.load(path)
print(json.dumps({"shape": image.shape, "affine": image.affine.tolist(), "data": image.get_fdata().ravel(order="F").tolist()}))`;
