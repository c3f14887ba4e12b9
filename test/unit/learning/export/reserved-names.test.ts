import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readInitializers } from '../../../../src/runtime/learning/export/read-initializers.ts';
import { readTfjsWeights } from '../../../../src/runtime/learning/export/tfjs-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const refused = { code: 'NF_IMPORT_FILE', message: expect.stringContaining("an array is named '__proto__'") };

it('an array of TensorFlow.js that would be lost by its name is refused', async () => {
  const path = join(root, 'model.json');
  const weights = [{ name: '__proto__', shape: [1], dtype: 'float32' }];
  await writeFile(path, JSON.stringify({ weightsManifest: [{ paths: ['weights.bin'], weights }] }));
  await writeFile(join(root, 'weights.bin'), Buffer.alloc(4));
  await expect(readTfjsWeights(path, { mostBytes: 1000 })).rejects.toMatchObject(refused);
});

/** A field of bytes in the wire format of protocol buffers. */
const field = (number: number, bytes: Uint8Array) =>
  Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);

it('an array of an ONNX file that would be lost by its name is refused', () => {
  // One dimension of 1, float, its name, its four bytes: TensorProto of onnx.proto.
  const head = Buffer.from([1 << 3, 1, 2 << 3, 1]);
  const tensor = Buffer.concat([head, field(8, Buffer.from('__proto__')), field(9, Buffer.alloc(4))]);
  expect(() => readInitializers(field(7, field(5, tensor)), 'a.onnx')).toThrow(
    expect.objectContaining(refused),
  );
});
