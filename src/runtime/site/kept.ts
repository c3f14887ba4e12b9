import type { OwnModel } from '../algorithms/task.ts';
import type { ParamSet } from '../base/tensors/nd-array.ts';
import { readParamsFile } from '../base/tensors/read-params-file.ts';
import type { TensorEntry, TensorLayout } from '../base/tensors/safetensors.ts';
import type { JobDefinition } from '../job/definition.ts';
import { localTensorsOf } from '../job/local-tensors.ts';

/**
 * What a site keeps between its tasks where its job has tensors that stay at each site, models of the site's own, or sends a part of its
 * updates: a safetensors file. Tensors that stay have their names in it, those of own models a word before them, and so has what did not
 * travel yet. Under a name that no tensor has there are bytes: 32 that only this site knows, so that the digest of the file, which leaves,
 * tells nobody what the tensors are, and behind them what the script
 * keeps (`flare.saveState`).
 */
export const BYTES = '';
/** Of the site's. */
export const OWN_BYTES = 32;
/** Of a job with own models: figures of the best of the models that the site has scored, as JSON. */
export const BEST = 'best';

/** Begins the names of what did not travel. A model has none of these: it would be taken for that. */
const REMAINS = '\u0000remains/';

/** Whether a site of the job keeps a file of this form, and not the script's bytes alone. */
export function keepsTensors({ workflow, packing }: Pick<JobDefinition, 'workflow' | 'packing'>): boolean {
  return packing?.name === 'top_k' || localTensorsOf(workflow).length > 0;
}

/** What did not travel of an array of one of the files of answers. */
export function remainsName(file: string, array: string): string {
  return `${REMAINS}${file}/${array}`;
}

export function isRemains(name: string): boolean {
  return name.startsWith(REMAINS);
}

/** What did not travel of a file of answers, with the names of its arrays. */
export function remainsIn(
  layout: TensorLayout,
  file: string,
): { readonly of: string; readonly entry: TensorEntry }[] {
  const start = remainsName(file, '');
  return layout.flatMap((entry) =>
    entry.name.startsWith(start) ? [{ of: entry.name.slice(start.length), entry }] : [],
  );
}

export interface Kept {
  readonly tensors: ParamSet;
  /** What the script keeps. */
  readonly state: Uint8Array | undefined;
}

/** The name that a tensor of an own model has there. */
export function keptName(model: OwnModel, name: string): string {
  return `${model}/${name}`;
}

/** The name that it has in the model; undefined where it is none of the model. */
export function nameIn(model: OwnModel, kept: string): string | undefined {
  const word = keptName(model, '');
  return kept.startsWith(word) ? kept.slice(word.length) : undefined;
}

/** @throws NF_PATH_MISSING, NF_TENSORS_FILE */
export async function readKept(path: string): Promise<Kept> {
  return partsOf(await readParamsFile(path, (name) => !isRemains(name)));
}

/** As `readKept`, of a job with own models: the tensors are those of one of them, by their names in it. */
export async function readOwn(path: string, model: OwnModel | undefined): Promise<Kept> {
  const named = (name: string) => (model === undefined ? undefined : nameIn(model, name));
  const found = await readParamsFile(path, (name) => name === BYTES || named(name) !== undefined);
  const { tensors, state } = partsOf(found);
  const arrays = Object.entries(tensors).map(([name, array]) => [named(name) ?? name, array]);
  return { tensors: Object.fromEntries(arrays), state };
}

function partsOf({ [BYTES]: bytes, ...tensors }: ParamSet): Kept {
  const state = bytes?.data instanceof Uint8Array ? bytes.data.subarray(OWN_BYTES) : undefined;
  return { tensors, state: state?.length ? state : undefined };
}
