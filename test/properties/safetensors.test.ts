import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NeuroflareError } from '../../src/runtime/base/errors/errors.ts';
import { checkParams, checkSameForm } from '../../src/runtime/base/tensors/check-params.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { openTensorFile } from '../../src/runtime/base/tensors/tensor-file.ts';
import { paramSet } from '../support/param-sets.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();

describe('any set of arrays', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(paramSet, (params) => {
        expect(decodeSafetensors(encodeSafetensors(params), 'x')).toEqual(params);
      }),
    );
  });

  it('has the same bytes whatever the order of its names', () => {
    fc.assert(
      fc.property(paramSet, (params) => {
        const reversed = Object.fromEntries(Object.entries(params).reverse());
        expect(encodeSafetensors(reversed)).toEqual(encodeSafetensors(params));
      }),
    );
  });

  it('comes back from views into larger buffers', () => {
    fc.assert(
      fc.property(paramSet, fc.nat(7), (params, shift) => {
        const file = encodeSafetensors(params);
        const within = new Uint8Array(file.length + 16);
        within.set(file, shift);
        expect(decodeSafetensors(within.subarray(shift, shift + file.length), 'x')).toEqual(params);
      }),
    );
  });

  it('passes the checks and has the form of itself', () => {
    fc.assert(
      fc.property(paramSet, (params) => {
        checkParams(params);
        checkSameForm(params, params);
      }),
    );
  });

  it('is read in slices as it is read whole', async () => {
    await fc.assert(
      fc.asyncProperty(paramSet, async (params) => {
        const path = join(folder, 'slices.safetensors');
        await writeFile(path, encodeSafetensors(params));
        const file = await openTensorFile(path);
        for (const entry of file.layout) {
          const bytes = new Uint8Array(entry.byteLength);
          const half = Math.floor(entry.byteLength / 2);
          await file.readSlice(entry, 0, bytes.subarray(0, half));
          await file.readSlice(entry, half, bytes.subarray(half));
          const data = params[entry.name]?.data;
          expect(bytes).toEqual(data && new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        }
        await file.close();
      }),
      { numRuns: 30 },
    );
  });
});

describe('bytes from anywhere', () => {
  const refused = (bytes: Uint8Array) => {
    try {
      decodeSafetensors(bytes, 'x');
      return 'read';
    } catch (error) {
      return error instanceof NeuroflareError ? error.code : String(error);
    }
  };

  it('are read or refused by name, never more', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(['read', 'NF_TENSORS_FILE']).toContain(refused(bytes));
      }),
    );
  });

  it('that are a file cut short are refused', () => {
    fc.assert(
      fc.property(paramSet, fc.double({ min: 0, max: 0.999, noNaN: true }), (params, part) => {
        const file = encodeSafetensors(params);
        expect(refused(file.subarray(0, Math.floor(file.length * part)))).toBe('NF_TENSORS_FILE');
      }),
    );
  });

  it('that are a file with a changed header byte are read or refused', () => {
    fc.assert(
      fc.property(paramSet, fc.nat(400), fc.nat(255), (params, at, byte) => {
        const file = encodeSafetensors(params);
        file[at % file.length] = byte;
        expect(['read', 'NF_TENSORS_FILE']).toContain(refused(file));
      }),
      { numRuns: 500 },
    );
  });
});
