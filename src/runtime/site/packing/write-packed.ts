import { stat } from 'node:fs/promises';
import { writeHashed } from '../../base/files/files.ts';
import { bytesOf, DTYPES, isFloat } from '../../base/tensors/nd-array.ts';
import { BESIDE, packedForms } from '../../base/tensors/packed/form.ts';
import { inFileOrder, planSafetensors, type TensorEntry } from '../../base/tensors/safetensors.ts';
import { compareText } from '../../base/text/compare-text.ts';
import type { PackingSpec } from '../../job/result-filters.ts';
import type { AnswerFile } from '../answer.ts';
import type { Differences } from './differences.ts';
import { largestOf } from './largest.ts';
import { roundingOf, scaleOf } from './scaled.ts';

type Append = (bytes: Uint8Array) => Promise<void>;

/** How the arrays of floats of a file are written. */
interface Writers {
  beside(append: Append): Promise<void>;
  values(entry: TensorEntry, append: Append): Promise<void>;
}

interface Written {
  readonly file: AnswerFile;
  /** Writes what does not travel, where it is to be added the next time. */
  readonly writeRemains: ((target: string) => Promise<AnswerFile>) | undefined;
}

/** Writes differences in a packed form. @param of what chance follows from */
export async function writePacked(
  target: string,
  differences: Differences,
  { packing, of }: { readonly packing: PackingSpec; readonly of: readonly (string | number)[] },
): Promise<Written> {
  const forms = packedForms(differences.layout, packing);
  const sent = new Map(differences.layout.map((entry) => [entry.name, entry]));
  const floats = differences.layout.filter(isFloat).sort((a, b) => compareText(a.name, b.name));
  const largest = packing.name === 'top_k' ? await choicesOf(differences, floats, packing.ratio) : undefined;
  const writers =
    packing.name === 'top_k'
      ? placedWriters(differences, floats, largest ?? new Map())
      : await scaledWriters(differences, floats, { packing, of });
  const { header, layout } = planSafetensors(forms);
  const sha256 = await writeHashed(target, async (append) => {
    await append(header);
    for (const { name } of inFileOrder(layout)) {
      const entry = sent.get(name);
      if (name === BESIDE) await writers.beside(append);
      else if (entry && isFloat(entry)) await writers.values(entry, append);
      else if (entry) await differences.eachInteger(entry, (values) => append(bytesOf(values)));
    }
  });
  const file = { path: target, sha256, size: (await stat(target)).size };
  return {
    file,
    writeRemains: largest && ((path) => writeRemains(path, { differences, floats, choices: largest })),
  };
}

type Choices = ReadonlyMap<string, Awaited<ReturnType<typeof largestOf>>>;

async function choicesOf(
  differences: Differences,
  floats: readonly TensorEntry[],
  ratio: number,
): Promise<Choices> {
  const found = new Map<string, Awaited<ReturnType<typeof largestOf>>>();
  for (const entry of floats) found.set(entry.name, await largestOf(differences, entry, ratio));
  return found;
}

function chooserOf(choices: Choices, { name }: TensorEntry): (value: number) => boolean {
  return choices.get(name)?.() ?? (() => false);
}

async function scaledWriters(
  differences: Differences,
  floats: readonly TensorEntry[],
  {
    packing,
    of,
  }: {
    readonly packing: Exclude<PackingSpec, { name: 'top_k' }>;
    readonly of: readonly (string | number)[];
  },
): Promise<Writers> {
  const scales = new Map<string, number>();
  for (const entry of floats) scales.set(entry.name, await scaleOf(differences, entry, packing));
  const Packed = DTYPES[packing.name === 'int8' ? 'int8' : 'int16'];
  return {
    beside: (append) => append(bytesOf(Float64Array.from(scales.values()))),
    values: async (entry, append) => {
      const round = roundingOf(packing, scales.get(entry.name) ?? 0, [...of, entry.name]);
      await differences.each(entry, async ({ values }) => {
        const out = new Packed(values.length);
        round(values, out);
        await append(bytesOf(out));
      });
    },
  };
}

function placedWriters(differences: Differences, floats: readonly TensorEntry[], choices: Choices): Writers {
  return {
    beside: async (append) => {
      for (const entry of floats) {
        const isChosen = chooserOf(choices, entry);
        await differences.each(entry, ({ start, values }) => {
          const places: number[] = [];
          for (let index = 0; index < values.length; index++)
            if (isChosen(values[index] ?? 0)) places.push(start + index);
          return append(bytesOf(Int32Array.from(places)));
        });
      }
    },
    values: async (entry, append) => {
      const isChosen = chooserOf(choices, entry);
      await differences.each(entry, ({ values }) =>
        append(bytesOf(Float32Array.from(values.filter(isChosen)))),
      );
    },
  };
}

/** Error feedback (Karimireddy et al. 2019): what is left of each number after what travels, in the type of its array. */
async function writeRemains(
  target: string,
  {
    differences,
    floats,
    choices,
  }: {
    readonly differences: Differences;
    readonly floats: readonly TensorEntry[];
    readonly choices: Choices;
  },
): Promise<AnswerFile> {
  const { header, layout } = planSafetensors(floats);
  const sha256 = await writeHashed(target, async (append) => {
    await append(header);
    for (const { name } of inFileOrder(layout)) {
      const entry = floats.find((one) => one.name === name);
      if (!entry) continue;
      const isChosen = chooserOf(choices, entry);
      await differences.each(entry, ({ values }) => {
        const left = values.map((value) => (isChosen(value) ? value - Math.fround(value) : value));
        return append(bytesOf(DTYPES[entry.dtype].from(left)));
      });
    }
  });
  return { path: target, sha256, size: (await stat(target)).size };
}
