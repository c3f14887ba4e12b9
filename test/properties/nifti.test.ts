import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { centredAffine } from '../../src/preprocess/nifti/affine.ts';
import { decodeNifti } from '../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { NeuroflareError } from '../../src/runtime/base/errors/errors.ts';

const SHAPE = [3, 2, 2] as const;
const IMAGE = encodeNifti({
  shape: SHAPE,
  data: Int16Array.from({ length: 12 }, (_, at) => at * 100 - 500),
  affine: centredAffine(SHAPE, [1, 2, 3]),
});

/** A file with some bytes changed, most of them in the header, and perhaps cut or longer. */
const spoilt = fc
  .record({
    changes: fc.array(fc.tuple(fc.nat(IMAGE.length - 1), fc.nat(255)), { maxLength: 6 }),
    fields: fc.array(
      fc.tuple(fc.constantFrom(0, 40, 42, 70, 72, 76, 108, 112, 252, 254, 280, 344, 348), fc.nat(255)),
      {
        maxLength: 3,
      },
    ),
    length: fc.oneof(fc.constant(IMAGE.length), fc.nat(IMAGE.length + 40)),
  })
  .map(({ changes, fields, length }) => {
    const bytes = new Uint8Array(length);
    bytes.set(IMAGE.subarray(0, length));
    for (const [at, value] of [...changes, ...fields]) if (at < length) bytes[at] = value;
    return bytes;
  });

/** The image, or the code of the error; anything else is a fault of the reader. */
async function read(bytes: Uint8Array, file: string): Promise<unknown> {
  return decodeNifti(bytes, file).catch((error: unknown) => {
    if (!(error instanceof NeuroflareError)) throw error;
    expect(error.code).toMatch(/^NF_NIFTI_/);
    expect(error.place?.file).toBe(file);
    return error.code;
  });
}

describe('any bytes', () => {
  it('are read or refused by name, alike from a Buffer and a plain array, and stay as they were', async () => {
    await fc.assert(
      fc.asyncProperty(spoilt, async (bytes) => {
        const buffer = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')]).subarray(
          6,
          6 + bytes.length,
        );
        const before = buffer.toString('hex');
        expect(await read(buffer, 'a.nii')).toEqual(await read(bytes, 'a.nii'));
        expect(buffer.toString('hex')).toBe(before);
      }),
      { numRuns: 400 },
    );
  });

  it('are read alike plain and in gzip', async () => {
    await fc.assert(
      fc.asyncProperty(spoilt, async (bytes) => {
        const [plain, packed] = [await read(bytes, 'a.nii'), await read(gzipSync(bytes), 'a.nii.gz')];
        if (typeof plain === 'string') expect(typeof packed).toBe('string');
        else expect(packed).toEqual(plain);
      }),
      { numRuns: 200 },
    );
  });

  it('behind a gzip that was changed are never taken for others', async () => {
    const packed = gzipSync(IMAGE);
    const whole = await decodeNifti(IMAGE, 'a.nii');
    await fc.assert(
      fc.asyncProperty(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bytes = packed.map((byte, index) => (index === at ? byte ^ flip : byte));
        const found = await read(bytes, 'a.nii.gz');
        if (typeof found !== 'string') expect(found).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });
});
