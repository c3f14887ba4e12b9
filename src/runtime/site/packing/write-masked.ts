import { stat } from 'node:fs/promises';
import { flError } from '../../base/errors/errors.ts';
import { writeHashed } from '../../base/files/files.ts';
import { bytesOf } from '../../base/tensors/nd-array.ts';
import { inFileOrder, planSafetensors, type TensorEntry } from '../../base/tensors/safetensors.ts';
import type { TensorFile } from '../../base/tensors/tensor-file.ts';
import { applyMasks, type Mask } from '../../masking/mask-stream.ts';
import { RANGE, toRing } from '../../masking/ring.ts';
import type { AnswerFile } from '../answer.ts';
import { originOf } from '../filters/origin.ts';
import { eachSlice } from '../filters/write-tensors.ts';

export interface Masking {
  readonly site: string;
  /** Of all weight. */
  readonly share: number;
  readonly masks: readonly Mask[];
  /** Words of the masks that files before this one have used up. */
  readonly start: number;
}

/**
 * Writes the differences of an update to what its site received as words of the ring, with masks on them: a safetensors file of int32 arrays
 * of the same names and shapes. Slice by slice; the same update with the same masks comes to the same bytes.
 * @param base undefined where the update is made of differences
 * @throws NF_SECAGG_RANGE of the first number that the ring has no room for; the file does not appear then
 */
export async function writeMasked(
  target: string,
  { update, base }: { readonly update: TensorFile; readonly base: TensorFile | undefined },
  { site, share, masks, start: first }: Masking,
): Promise<AnswerFile & { readonly words: number }> {
  const sent = new Map(update.layout.map((entry) => [entry.name, entry]));
  const { header, layout } = planSafetensors(
    update.layout.map(({ name, shape }) => ({ name, shape, dtype: 'int32' as const })),
  );
  const origin = originOf(base);
  let words = 0;
  const writeEntry = async (entry: TensorEntry, append: (bytes: Uint8Array) => Promise<void>) => {
    let [differences, ring] = [new Float64Array(0), new Int32Array(0)];
    await eachSlice(update, [entry], async (slice) => {
      const { start, values } = slice;
      if (ring.length < values.length) {
        differences = new Float64Array(values.length);
        ring = new Int32Array(values.length);
      }
      const [found, out] = [differences.subarray(0, values.length), ring.subarray(0, values.length)];
      const before = await origin(slice);
      for (let index = 0; index < found.length; index++)
        found[index] = (values[index] ?? 0) - (before[index] ?? 0);
      const wrong = toRing(found, share, out);
      if (wrong !== -1)
        throw flError(
          'NF_SECAGG_RANGE',
          { site, name: entry.name, index: start + wrong, value: String(found[wrong]), range: RANGE },
          { place: { site } },
        );
      applyMasks(out, first + words, masks);
      words += out.length;
      await append(bytesOf(out));
    });
  };
  const sha256 = await writeHashed(target, async (append) => {
    await append(header);
    for (const { name } of inFileOrder(layout)) {
      const entry = sent.get(name);
      if (entry) await writeEntry(entry, append);
    }
  });
  return { path: target, sha256, size: (await stat(target)).size, words };
}
