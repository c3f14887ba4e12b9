import { stat } from 'node:fs/promises';
import { fillFrom, openInput } from '../base/files/read-file.ts';
import { type Opened, whileOpen } from '../base/files/while-open.ts';
import { isFloat, type NumericArray } from '../base/tensors/nd-array.ts';
import { requireFinite } from '../base/tensors/not-finite.ts';
import { openTensorFile, readInto, type TensorFile } from '../base/tensors/tensor-file.ts';
import { matcherOf, partedBy } from '../base/text/name-patterns.ts';
import type { AnswerFile } from './answer.ts';
import { type Part, type Slice, writeParts } from './filters/write-tensors.ts';
import { BYTES, isRemains, OWN_BYTES, remainsName } from './kept.ts';

/** What a site had when its task began; absolute paths. */
export interface Before {
  /** The model that it received. */
  readonly received: string;
  /** What it kept in a task before, if it did. */
  readonly kept: string | undefined;
  /** Of the names of tensors that stay. */
  readonly patterns: readonly string[];
}

/** What a task came to. */
export interface Made {
  /** The model of the answer, as its script gave it; undefined: the task was none of training. */
  readonly model: { readonly path: string; readonly paramsType: 'FULL' | 'DIFF' } | undefined;
  /** Path of what its script keeps now; undefined: what it kept before. */
  readonly state: string | undefined;
  /** 32 bytes that only this site knows. */
  readonly secret: Uint8Array;
  /** Paths of what did not travel of the answer's files, by their names. */
  readonly remains?: Readonly<Record<string, string>>;
}

/** Writes what is kept from now on: the tensors of the answer, or else those of before. @throws NF_TENSORS_NOT_FINITE */
export async function writeKept(
  target: string,
  { model, state, secret, remains = {} }: Made,
  { received, kept: before, patterns }: Before,
): Promise<AnswerFile> {
  return whileOpen(async (opened) => {
    const kept = before === undefined ? undefined : await openIn(opened, before);
    const trained = model && (await openIn(opened, model.path));
    const origins = model?.paramsType === 'DIFF' ? [kept, await openIn(opened, received)] : [];
    const script = state === undefined ? scriptOf(kept) : await bytesOf(state, opened);
    const left = await remainsOf(remains, kept, opened);
    const parts = [...(await localOf(trained ?? kept, patterns)), ...left, behind(secret, script)];
    return writeParts(target, parts, async (slice) => {
      if (slice.entry.name === BYTES || isRemains(slice.entry.name)) return;
      await addOrigin(slice, origins);
      requireSound(slice);
    });
  });
}

/** Writes a model without the tensors that stay. */
export async function writeShared(
  target: string,
  model: string,
  patterns: readonly string[],
): Promise<AnswerFile> {
  return whileOpen(async (opened) => {
    const file = await openIn(opened, model);
    const { others } = await partedBy(file.layout, matcherOf(patterns));
    return writeParts(target, partsOf(file, others));
  });
}

/** Writes the site's own model: what it received, with what it kept in place of the tensors that stay. */
export async function writePersonal(
  target: string,
  { received, kept, patterns }: Before,
): Promise<AnswerFile> {
  return whileOpen(async (opened) => {
    const parts = partsOf(await openIn(opened, received));
    const own = await localOf(kept === undefined ? undefined : await openIn(opened, kept), patterns);
    const named = new Set(own.map(({ entry }) => entry.name));
    return writeParts(target, [...parts.filter(({ entry }) => !named.has(entry.name)), ...own]);
  });
}

export async function openIn(opened: Opened, path: string): Promise<TensorFile> {
  const file = await openTensorFile(path);
  opened.closeLast(() => file.close());
  return file;
}

/** A file of any bytes, as an array is read. */
export async function bytesOf(path: string, opened: Opened): Promise<Part> {
  const { size } = await stat(path);
  const handle = await openInput(path);
  opened.closeLast(() => handle.close());
  const readSlice: Part['file']['readSlice'] = (_entry, start, target) => fillFrom(handle, start, target);
  return { entry: entryOfBytes(size), file: { readSlice } };
}

export function entryOfBytes(size: number, name = BYTES): Part['entry'] {
  return { name, dtype: 'uint8', shape: [size], offset: 0, byteLength: size };
}

export function partsOf(file: TensorFile, entries = file.layout): Part[] {
  return entries.map((entry) => ({ file, entry }));
}

async function localOf(file: TensorFile | undefined, patterns: readonly string[]): Promise<Part[]> {
  if (!file) return [];
  const named = file.layout.filter(({ name }) => name !== BYTES && !isRemains(name));
  return partsOf(file, (await partedBy(named, matcherOf(patterns))).meant);
}

/** What did not travel now, and of arrays that were not sent what did not before. */
async function remainsOf(
  made: Readonly<Record<string, string>>,
  kept: TensorFile | undefined,
  opened: Opened,
): Promise<Part[]> {
  const now: Part[] = [];
  for (const [name, path] of Object.entries(made)) {
    const file = await openIn(opened, path);
    now.push(
      ...file.layout.map((entry) => ({
        file: {
          readSlice: (_: unknown, start: number, into: Uint8Array) => file.readSlice(entry, start, into),
        },
        entry: { ...entry, name: remainsName(name, entry.name) },
      })),
    );
  }
  const known = new Set(now.map(({ entry }) => entry.name));
  const before = kept?.layout.filter(({ name }) => isRemains(name) && !known.has(name)) ?? [];
  return kept ? [...now, ...partsOf(kept, before)] : now;
}

/** What the script kept before. */
export function scriptOf(kept: TensorFile | undefined): Part | undefined {
  const found = kept?.entry(BYTES);
  if (!kept || !found) return undefined;
  const byteLength = found.byteLength - OWN_BYTES;
  return {
    entry: { ...found, shape: [byteLength], byteLength, offset: found.offset + OWN_BYTES },
    file: kept,
  };
}

/** The secret, and the script's part behind it. */
export function behind(secret: Uint8Array, script: Part | undefined): Part {
  const readSlice: Part['file']['readSlice'] = async (_entry, start, target) => {
    const own = secret.subarray(start, start + target.length);
    target.set(own);
    const rest = target.subarray(own.length);
    if (script && rest.length > 0)
      await script.file.readSlice(script.entry, start + own.length - OWN_BYTES, rest);
  };
  return { entry: entryOfBytes(OWN_BYTES + (script?.entry.byteLength ?? 0)), file: { readSlice } };
}

/** To a difference what it is one from: what the site had of its own, or else received. */
async function addOrigin(
  { entry, start, values }: Slice,
  origins: readonly (TensorFile | undefined)[],
): Promise<void> {
  for (const origin of origins) {
    const found = origin?.entry(entry.name);
    if (origin && found) return addPart({ file: origin, entry: found }, { start, values });
  }
}

/** To the values of a slice the same ones of another array. */
export async function addPart({ file, entry }: Part, { start, values }: Omit<Slice, 'entry'>): Promise<void> {
  const base: NumericArray = values.slice();
  await readInto(file, entry, { start, values: base });
  for (let at = 0; at < values.length; at++) values[at] = (base[at] ?? 0) + (values[at] ?? 0);
}

export function requireSound({ entry, start, values }: Slice): void {
  if (isFloat(entry)) requireFinite(entry.name, values, start);
}
