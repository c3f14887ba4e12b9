import type { Aggregation } from '../../algorithms/aggregator.ts';
import type { Reducer } from '../../algorithms/reducer.ts';
import { flError } from '../../base/errors/errors.ts';
import { writeHashed } from '../../base/files/files.ts';
import { bytesOf, DTYPES, elementCount, isFloat, type NumericArray } from '../../base/tensors/nd-array.ts';
import { firstNotFinite } from '../../base/tensors/not-finite.ts';
import {
  inFileOrder,
  planInOrder,
  planSafetensors,
  type TensorEntry,
  type TensorLayout,
} from '../../base/tensors/safetensors.ts';
import { closeTensorFiles, openTensorFiles, type TensorFile } from '../../base/tensors/tensor-file.ts';
import { allAtOnce, type Combining } from './all-at-once.ts';
import { differencesOf } from './differences.ts';
import {
  meanOf,
  type Parts,
  partsOf,
  readElements,
  SLICE_ELEMENTS,
  type SliceMaker,
  type Source,
  unusable,
} from './mean.ts';
import type { Contribution, Paths, ReduceRequest } from './request.ts';
import { type RingSum, ringSum } from './ring-sum.ts';
import { weighed } from './survey.ts';

type Append = (bytes: Uint8Array) => Promise<void>;

/** Files that a reducer writes, the model first. */
export function filesMade({ state = [] }: Pick<Reducer, 'state'>): readonly string[] {
  return ['model', ...state];
}

/** SHA-256 of each file that was written, by its name. */
export type Digests = Readonly<Record<string, string>>;

/** A reduction, with its arithmetic in place of the names. */
export interface Reduction extends Omit<ReduceRequest, 'reducer' | 'aggregation'> {
  readonly aggregation?: Aggregation;
}

/**
 * Carries out one reduction: every file is read and written slice by slice, once, or twice where an aggregator weighs the answers. Nothing
 * has its name before all of it is there.
 * @throws NF_AGGREGATE_NOT_FINITE, NF_AGGREGATE_WEIGHT, NF_SECAGG_RANGE, NF_SECAGG_ARRAYS with the site whose update leaves no number to write, NF_AGGREGATE_TOO_FEW;
 * nothing is written then
 */
export async function reduce(
  reducer: Reducer,
  { base, fromZero, contributions, targets, options: given = {}, aggregation, ring }: Reduction,
): Promise<Digests> {
  const options = reducer.options.parse(given);
  const combining = aggregation && combiningOf(aggregation, contributions);
  const { state = [] } = reducer;
  const before = state.filter((name) => base[name] !== undefined);
  const bases = [...new Set(contributions.flatMap(({ base: own }) => own ?? []))];
  const files = await openTensorFiles([
    base.model,
    ...before.map((name) => base[name] ?? ''),
    ...bases,
    ...contributions.map(({ path }) => path),
  ]);
  try {
    const [first, ...others] = files;
    if (!first) throw new Error('There is no model to start from.');
    const model = fromZero ? zerosOf(first) : first;
    const sources = sourcesOf(contributions, others.slice(before.length + bases.length));
    const received = new Map(bases.flatMap((path, index) => pairOf(path, others[before.length + index])));
    const states = new Map(before.flatMap((name, index) => pairOf(name, others[index])));
    const weighedSources = aggregation
      ? await weighed(aggregation.aggregator, aggregation.options, { base: model, sources, received })
      : sources;
    const areDifferences = (aggregation?.aggregator.of ?? reducer.of) === 'differences';
    const factor = areDifferences ? (ring?.total ?? 1) : 1;
    return await writeAll(inOrder(model.layout), {
      reducer,
      targets,
      write: (entry, appends) =>
        writeEntry(entry, appends, {
          reducer,
          options,
          parts: partsOf(entry, { base: model, sources: weighedSources }),
          combining,
          areDifferences,
          ring: ring && { ...ring, factor, sites: sources.map(({ site }) => site) },
          received,
          states,
        }),
    });
  } finally {
    await closeTensorFiles(files);
  }
}

/** @throws NF_AGGREGATE_TOO_FEW */
function combiningOf(
  { aggregator, options: given }: Aggregation,
  contributions: readonly Contribution[],
): Combining | undefined {
  const options = aggregator.options.parse(given);
  const least = aggregator.leastAnswers?.(options) ?? 1;
  if (contributions.length < least) {
    const sites = contributions.map(({ site }) => site).join(', ');
    throw flError('NF_AGGREGATE_TOO_FEW', { what: 'the model', sites, least });
  }
  const { combine } = aggregator;
  return combine && { least, combine: (values, out) => combine(values, out, options) };
}

/** The same arrays, of zeros. */
function zerosOf(file: TensorFile): TensorFile {
  const readSlice: TensorFile['readSlice'] = async (_entry, _start, into) => {
    into.fill(0);
  };
  return { ...file, readSlice };
}

function pairOf(name: string, file: TensorFile | undefined): [string, TensorFile][] {
  return file ? [[name, file]] : [];
}

/** In site order. */
function sourcesOf(contributions: readonly Contribution[], files: readonly TensorFile[]): Source[] {
  return contributions.flatMap((contribution, index) => {
    const file = files[index];
    return file ? [{ ...contribution, file }] : [];
  });
}

/** State is kept of floats, in float64. */
function stateOf(arrays: readonly TensorEntry[]): TensorEntry[] {
  return arrays.filter(isFloat).map((entry) => ({ ...entry, dtype: 'float64' }));
}

interface Writing {
  readonly reducer: Reducer;
  readonly targets: Paths;
  readonly write: (entry: TensorEntry, appends: Readonly<Record<string, Append>>) => Promise<void>;
}

/** Opens the files to be written one within the other, so that none gets its name before the last byte of all. */
async function writeAll(
  arrays: readonly TensorEntry[],
  { reducer, targets, write }: Writing,
): Promise<Digests> {
  const digests: Record<string, string> = {};
  const names = filesMade(reducer);
  const open = async (at: number, appends: Readonly<Record<string, Append>>): Promise<void> => {
    const name = names[at];
    if (name === undefined) {
      for (const entry of arrays) await write(entry, appends);
      return;
    }
    const { header } = planInOrder(name === 'model' ? arrays : stateOf(arrays));
    digests[name] = await writeHashed(targets[name] ?? '', async (append) => {
      await append(header);
      await open(at + 1, { ...appends, [name]: append });
    });
  };
  await open(0, {});
  return digests;
}

/** As the arrays follow one another in a file, without gaps. */
function inOrder(layout: TensorLayout): TensorEntry[] {
  return inFileOrder(planSafetensors(layout).layout);
}

interface Work {
  readonly reducer: Reducer;
  /** Of the reducer, read by its schema. */
  readonly options: object;
  readonly parts: Parts;
  readonly combining: Combining | undefined;
  /** Whether weights are of differences, in place of whole models. */
  readonly areDifferences: boolean;
  readonly ring: RingSum | undefined;
  /** What sites began with that was not the base, by path. */
  readonly received: ReadonlyMap<string, TensorFile>;
  /** Files of before. */
  readonly states: ReadonlyMap<string, TensorFile>;
}

async function writeEntry(
  entry: TensorEntry,
  appends: Readonly<Record<string, Append>>,
  work: Work,
): Promise<void> {
  const elements = elementCount(entry.shape);
  const longest = Math.min(SLICE_ELEMENTS, elements);
  const buffer = new DTYPES[entry.dtype](longest);
  const { step } = work.reducer;
  const fill = step && isFloat(entry) ? stepped(entry, appends, { ...work, step }) : startOf(entry, work);
  for (let start = 0; start < elements; start += SLICE_ELEMENTS) {
    const out = buffer.subarray(0, Math.min(SLICE_ELEMENTS, elements - start));
    await fill(start, out);
    await appends.model?.(bytesOf(out));
  }
}

/** Slices of what a reducer steps from. */
function startOf(entry: TensorEntry, { parts, received, combining, areDifferences, ring }: Work): SliceMaker {
  if (ring) return ringSum(entry, parts, ring);
  if (combining) return allAtOnce(entry, parts, combining);
  return areDifferences ? differencesOf(entry, parts, received) : meanOf(entry, parts);
}

/** Slices of the server's step; what it keeps is written beside them. */
function stepped(
  entry: TensorEntry,
  appends: Readonly<Record<string, Append>>,
  { step, ...work }: Work & { readonly step: NonNullable<Reducer['step']> },
): SliceMaker {
  const longest = Math.min(SLICE_ELEMENTS, elementCount(entry.shape));
  const { options, parts, states, reducer } = work;
  const fillMean = startOf(entry, work);
  const scratch = {
    base: new DTYPES[entry.dtype](longest),
    mean: new Float64Array(longest),
    out: new Float64Array(longest),
  };
  const isSent = parts.sources.length > 0;
  const kept = new Map((reducer.state ?? []).map((name) => [name, new Float64Array(longest)]));
  return async (start, out) => {
    const mean = scratch.mean.subarray(0, out.length);
    if (isSent) await fillMean(start, mean);
    const base = await readElements(parts.origin.file, {
      name: entry.name,
      start,
      into: scratch.base.subarray(0, out.length),
    });
    const state: Record<string, Float64Array> = {};
    for (const [name, values] of kept) {
      state[name] = values.subarray(0, out.length);
      await readState(states.get(name), { name: entry.name, start, into: state[name] });
    }
    const next = scratch.out.subarray(0, out.length);
    // What no site sent stays what it was, and so does what is kept of it.
    if (isSent) step({ name: entry.name, base, mean, state, out: next }, options);
    else next.set(base);
    out.set(next);
    const wrong = [out, ...Object.values(state)].map(firstNotFinite).find((index) => index !== -1);
    if (wrong !== undefined) throw await unusable(entry, parts, { index: start + wrong, value: next[wrong] });
    for (const [name, values] of Object.entries(state)) await appends[name]?.(bytesOf(values));
  };
}

async function readState(
  file: TensorFile | undefined,
  { name, start, into }: { name: string; start: number; into: NumericArray },
): Promise<void> {
  if (file) await readElements(file, { name, start, into });
  else into.fill(0);
}
