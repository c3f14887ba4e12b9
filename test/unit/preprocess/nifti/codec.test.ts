import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Affine, centredAffine, determinant } from '../../../../src/preprocess/nifti/affine.ts';
import { affineFromQForm, qFormFromAffine } from '../../../../src/preprocess/nifti/quaternion.ts';
import { decodeNifti, readNifti, readNiftiHeader } from '../../../../src/preprocess/nifti/read.ts';
import { encodeNifti, gzipNifti } from '../../../../src/preprocess/nifti/write.ts';

const sizes = fc.tuple(
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 6 }),
);
const part = fc.float({ min: -1, max: 1, noNaN: true, noDefaultInfinity: true });
const edge = fc.float({ min: 0.25, max: 8, noNaN: true });
/** Rotations by a random quaternion, both handednesses. */
const affines: fc.Arbitrary<Affine> = fc
  .record({ q: fc.tuple(part, part, part, part), edges: fc.tuple(edge, edge, edge), left: fc.boolean() })
  .filter(({ q }) => Math.hypot(...q) > 0.1)
  .map(({ q, edges, left }) => {
    const [b, c, d] = q.map((value) => (value / Math.hypot(...q)) * Math.sign(q[0] || 1)).slice(1) as [
      number,
      number,
      number,
    ];
    return affineFromQForm({ b, c, d, qfac: left ? -1 : 1, pixdim: edges, offset: [-90.5, 12, 3] });
  });

const values = {
  uint8: (bytes: Uint8Array) => bytes,
  int16: (bytes: Uint8Array) => Int16Array.from(bytes, (byte) => byte * 257 - 32768),
  float32: (bytes: Uint8Array) => Float32Array.from(bytes, (byte) => Math.fround((byte - 128) / 7)),
};

describe('NIfTI codec', () => {
  it('reads back what it writes, plain and gzipped', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        affines,
        fc.constantFrom('uint8', 'int16', 'float32'),
        async (shape, affine, dtype) => {
          const count = shape[0] * shape[1] * shape[2];
          const data = values[dtype](Uint8Array.from({ length: count }, (_, at) => (at * 37) % 256));
          const bytes = encodeNifti({ shape, data, affine, description: 'made here' });
          const plain = await decodeNifti(bytes, 'a.nii');
          const packed = await decodeNifti(await gzipNifti(bytes), 'a.nii.gz');
          expect(plain).toMatchObject({
            shape,
            dtype,
            units: 'mm',
            affineSource: 'sform',
            description: 'made here',
          });
          expect(plain.data).toEqual(Float32Array.from(data));
          expect(packed).toEqual(plain);
          for (const [at, value] of affine.flat().entries())
            expect(plain.affine.flat()[at]).toBeCloseTo(value, 4);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('writes a qform that says the same as the sform', async () => {
    await fc.assert(
      fc.asyncProperty(affines, async (affine) => {
        const bytes = encodeNifti({ shape: [2, 2, 2], data: new Uint8Array(8), affine });
        new DataView(bytes.buffer).setInt16(254, 0, true);
        const image = await decodeNifti(bytes, 'a.nii');
        expect(image.affineSource).toBe('qform');
        expect(Math.sign(determinant(image.affine))).toBe(Math.sign(determinant(affine)));
        for (const [at, value] of affine.flat().entries()) {
          expect(Math.abs((image.affine.flat()[at] ?? 0) - value)).toBeLessThan(5e-3);
        }
      }),
    );
  });

  it('gives a sheared affine an sform alone', () => {
    const sheared: Affine = [
      [1, 0.3, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 1],
    ];
    expect(qFormFromAffine(sheared)).toBeUndefined();
    const bytes = encodeNifti({ shape: [1, 1, 1], data: new Uint8Array(1), affine: sheared });
    expect(new DataView(bytes.buffer).getInt16(252, true)).toBe(0);
  });

  it('compresses to the same bytes each time, with neither name nor time', async () => {
    const bytes = new Uint8Array(5000).map((_, at) => at % 7);
    const packed = await gzipNifti(bytes);
    expect([...packed.subarray(3, 8)]).toEqual([0, 0, 0, 0, 0]);
    expect(packed[9]).toBe(255);
    expect(await gzipNifti(bytes)).toEqual(packed);
  });

  it('refuses to write what the header cannot hold', () => {
    const affine = centredAffine([1, 1, 1], [1, 1, 1]);
    expect(() => encodeNifti({ shape: [2, 1, 1], data: new Uint8Array(1), affine })).toThrow(RangeError);
    expect(() => encodeNifti({ shape: [40000, 1, 1], data: new Uint8Array(40000), affine })).toThrow(
      RangeError,
    );
  });
});

describe('reading NIfTI', () => {
  const affine = centredAffine([3, 2, 1], [1, 1, 1]);
  const image = encodeNifti({ shape: [3, 2, 1], data: Int16Array.of(-3, -2, -1, 0, 1, 32767), affine });
  const changed = (edit: (view: DataView) => void) => {
    const bytes = image.slice();
    edit(new DataView(bytes.buffer));
    return decodeNifti(bytes, 'a.nii');
  };

  it('scales by slope and intercept', async () => {
    const { data } = await changed((view) => {
      view.setFloat32(112, -0.5, true);
      view.setFloat32(116, 10, true);
    });
    expect([...data]).toEqual([11.5, 11, 10.5, 10, 9.5, -16373.5]);
  });

  it.each([0, Number.NaN])('takes a slope of %s as no scaling', async (slope) => {
    const { data } = await changed((view) => {
      view.setFloat32(112, slope, true);
      view.setFloat32(116, 10, true);
    });
    expect([...data]).toEqual([-3, -2, -1, 0, 1, 32767]);
  });

  it('keeps the dimensions as the header has them', async () => {
    expect((await decodeNifti(image, 'a.nii')).shape).toEqual([3, 2, 1]);
    expect((await changed((view) => view.setInt16(40, 2, true))).shape).toEqual([3, 2]);
    expect((await changed((view) => view.setInt16(40, 5, true))).shape).toEqual([3, 2, 1, 1, 1]);
  });

  it('takes the first axis to the left when both forms are unset, about the centre, as nibabel does', async () => {
    const { affine: found, affineSource } = await changed((view) => view.setInt32(252, 0, true));
    expect(affineSource).toBe('pixdim');
    expect(found.flat().map((value) => value + 0)).toEqual([
      -1, 0, 0, 1, 0, 1, 0, -0.5, 0, 0, 1, 0, 0, 0, 0, 1,
    ]);
  });

  it('prefers the sform even where the qform has the higher code', async () => {
    const { affineSource, affine: found } = await changed((view) => {
      view.setInt16(252, 4, true);
      view.setInt16(254, 1, true);
      view.setFloat32(292, 77, true);
    });
    expect(affineSource).toBe('sform');
    expect(found[0][3]).toBe(77);
  });

  it('takes a qfac of 0 as 1', async () => {
    const { orientation } = await changed((view) => {
      view.setInt16(254, 0, true);
      view.setFloat32(76, 0, true);
    });
    expect(orientation).toBe('RAS');
  });

  it('steps over extensions', async () => {
    const extension = new Uint8Array(32);
    new DataView(extension.buffer).setInt32(0, 32, true);
    const head = image.slice(0, 352);
    new DataView(head.buffer).setFloat32(108, 384, true);
    head[348] = 1;
    const found = await decodeNifti(
      new Uint8Array(Buffer.concat([head, extension, image.subarray(352)])),
      'a.nii',
    );
    expect([...found.data]).toEqual([-3, -2, -1, 0, 1, 32767]);
  });

  it('joins the members of a gzip, and lets zero padding pass', async () => {
    const parts = [image.subarray(0, 100), image.subarray(100, 355), image.subarray(355)].map((part) =>
      gzipSync(part),
    );
    const found = await decodeNifti(
      new Uint8Array(Buffer.concat([...parts, new Uint8Array(512)])),
      'a.nii.gz',
    );
    expect([...found.data]).toEqual([-3, -2, -1, 0, 1, 32767]);
  });

  const stored: [dtype: string, code: number, size: number, numbers: number[]][] = [
    ['int8', 256, 1, [-1, 127]],
    ['uint16', 512, 2, [1, 65535]],
    ['int32', 8, 4, [-70000, 2]],
    ['uint32', 768, 4, [2 ** 32 - 256, 2]],
    ['int64', 1024, 8, [-5, 2 ** 40]],
    ['uint64', 1280, 8, [5, 2 ** 40]],
    ['float64', 64, 8, [0.5, -1e-3]],
  ];
  it.each(stored)('reads %s in both byte orders', async (...[dtype, code, size, numbers]) => {
    for (const little of [true, false]) {
      const found = await decodeNifti(rawImage({ code, size, numbers, little }), 'a.nii');
      expect(found).toMatchObject({ dtype, littleEndian: little, shape: [2, 1, 1], orientation: 'LAS' });
      expect(found.data).toEqual(Float32Array.from(numbers));
    }
  });

  it('reads a file from disk, and the header alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nifti-'));
    const path = join(folder, 'a.nii.gz');
    await writeFile(path, await gzipNifti(image));
    expect((await readNifti(path)).data[5]).toBe(32767);
    expect(await readNiftiHeader(path)).toMatchObject({ shape: [3, 2, 1], dtype: 'int16', dataBytes: 12 });
    await rm(folder, { recursive: true });
  });
});

/** A header written field by field, independent of the encoder. */
function rawImage(of: { code: number; size: number; numbers: number[]; little: boolean }): Uint8Array {
  const { code, size, numbers, little } = of;
  const view = new DataView(new ArrayBuffer(352 + size * numbers.length));
  view.setInt32(0, 348, little);
  for (const [at, value] of [3, numbers.length, 1, 1].entries()) view.setInt16(40 + 2 * at, value, little);
  view.setInt16(70, code, little);
  view.setInt16(72, size * 8, little);
  for (const [at, value] of [1, 2, 2, 2].entries()) view.setFloat32(76 + 4 * at, value, little);
  view.setFloat32(108, 352, little);
  view.setUint32(344, 0x6e2b3100);
  for (const [at, value] of numbers.entries()) setNumber(view, 352 + at * size, { code, value, little });
  return new Uint8Array(view.buffer);
}

function setNumber(
  view: DataView,
  at: number,
  { code, value, little }: { code: number; value: number; little: boolean },
): void {
  if (code === 256) view.setInt8(at, value);
  else if (code === 512) view.setUint16(at, value, little);
  else if (code === 8) view.setInt32(at, value, little);
  else if (code === 768) view.setUint32(at, value, little);
  else if (code === 1024) view.setBigInt64(at, BigInt(value), little);
  else if (code === 1280) view.setBigUint64(at, BigInt(value), little);
  else view.setFloat64(at, value, little);
}
