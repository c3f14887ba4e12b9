import type { Aggregator, Norms, Products } from '../../algorithms/aggregator.ts';
import { flError } from '../../base/errors/errors.ts';
import { DTYPES, elementCount, isFloat, type NumericArray } from '../../base/tensors/nd-array.ts';
import { inFileOrder, type TensorEntry } from '../../base/tensors/safetensors.ts';
import type { TensorFile } from '../../base/tensors/tensor-file.ts';
import { slicedFor } from './all-at-once.ts';
import { readElements, type Source } from './mean.ts';

interface Surveyed {
  /** What the sites received. */
  readonly base: TensorFile;
  readonly sources: readonly Source[];
  /** Files that sites began with, by path; others began with the base. */
  readonly received: ReadonlyMap<string, TensorFile>;
}

/**
 * The answers that count by an aggregator that looks at all of them first, with what each counts.
 * @throws NF_AGGREGATE_WEIGHT with the site whose update is so large that no number is left
 */
export async function weighed(
  aggregator: Aggregator,
  options: object,
  surveyed: Surveyed,
): Promise<readonly Source[]> {
  const { sources } = surveyed;
  const weights = sources.map(({ weight }) => weight);
  let found: readonly number[];
  let squares: readonly number[];
  if (aggregator.weighByNorms) {
    const norms = await normsOf(surveyed, weights);
    squares = norms.squares;
    found = aggregator.weighByNorms(norms, options);
  } else if (aggregator.weighByProducts) {
    const products = await productsOf(surveyed, weights);
    squares = products.products.map((row, at) => row[at] ?? 0);
    found = aggregator.weighByProducts(products, options);
  } else return sources;
  if (found.length !== sources.length || found.some((weight) => !(weight >= 0) || weight === Infinity))
    throw unweighable(aggregator, sources, squares);
  return sources.flatMap((source, at) => (found[at] ? [{ ...source, weight: found[at] }] : []));
}

function unweighable({ name }: Aggregator, sources: readonly Source[], squares: readonly number[]) {
  const largest = Math.max(...squares.map((square) => (Number.isNaN(square) ? Infinity : square)));
  const at = squares.findIndex((square) => Number.isNaN(square) || square === largest);
  const site = sources[at]?.site ?? '';
  return flError('NF_AGGREGATE_WEIGHT', { aggregator: name, site }, { place: { site } });
}

async function normsOf(surveyed: Surveyed, weights: readonly number[]): Promise<Norms> {
  const squares = weights.map(() => 0);
  let squareOfSum = 0;
  await eachDifference(surveyed, 1, async (differences, length) => {
    const sum = new Float64Array(length);
    for await (const [at, difference] of differences) {
      squares[at] = (squares[at] ?? 0) + dot(difference, difference);
      addScaled(sum, difference, weights[at] ?? 0);
    }
    squareOfSum += dot(sum, sum);
  });
  return { weights, squares, squareOfSum };
}

async function productsOf(surveyed: Surveyed, weights: readonly number[]): Promise<Products> {
  const products = weights.map(() => new Float64Array(weights.length));
  await eachDifference(surveyed, weights.length, async (differences) => {
    const held: (readonly [number, Float64Array])[] = [];
    for await (const [at, difference] of differences) {
      const own = difference.slice();
      held.push([at, own]);
      for (const [other, its] of held) addProduct(products, [at, other], dot(own, its));
    }
  });
  return { weights, products };
}

function addProduct(
  products: readonly Float64Array[],
  [a, b]: readonly [number, number],
  value: number,
): void {
  const [row, column] = [products[a], products[b]];
  if (row) row[b] = (row[b] ?? 0) + value;
  if (column && a !== b) column[a] = (column[a] ?? 0) + value;
}

/** Differences of a slice, each with the place of its answer; an array is used again for the next. */
type Differences = AsyncIterable<readonly [at: number, difference: Float64Array]>;

/** Goes over all arrays of floats, slice by slice. @param held differences that are held at a time */
async function eachDifference(
  { base, sources, received }: Surveyed,
  held: number,
  look: (differences: Differences, length: number) => Promise<void>,
): Promise<void> {
  for (const entry of inFileOrder(base.layout)) {
    if (!isFloat(entry)) continue;
    const senders = sources.flatMap((source, at) => (has(source.file, entry) ? [{ ...source, at }] : []));
    const elements = elementCount(entry.shape);
    const longest = Math.min(slicedFor(held), elements);
    const [values, before] = [new DTYPES[entry.dtype](longest), new DTYPES[entry.dtype](longest)];
    const difference = new Float64Array(longest);
    for (let start = 0; start < elements; start += longest) {
      const length = Math.min(longest, elements - start);
      const read = (file: TensorFile, into: NumericArray) =>
        readElements(file, { name: entry.name, start, into: into.subarray(0, length) });
      await look(
        (async function* () {
          for (const { at, file, paramsType, base: own } of senders) {
            const update = await read(file, values);
            const from =
              paramsType === 'FULL' ? await read(received.get(own ?? '') ?? base, before) : undefined;
            const found = difference.subarray(0, length);
            subtract(found, update, from);
            yield [at, found] as const;
          }
        })(),
        length,
      );
    }
  }
}

function has(file: TensorFile, { name }: TensorEntry): boolean {
  return file.entry(name) !== undefined;
}

function subtract(out: Float64Array, update: NumericArray, from: NumericArray | undefined): void {
  for (let index = 0; index < out.length; index++) out[index] = (update[index] ?? 0) - (from?.[index] ?? 0);
}

function addScaled(sum: Float64Array, values: Float64Array, weight: number): void {
  for (let index = 0; index < values.length; index++)
    sum[index] = (sum[index] ?? 0) + weight * (values[index] ?? 0);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
