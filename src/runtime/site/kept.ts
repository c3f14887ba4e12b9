import type { OwnModel } from '../algorithms/task.ts';
import type { ParamSet } from '../base/tensors/nd-array.ts';
import { readParamsFile } from '../base/tensors/read-params-file.ts';

/**
 * What a site keeps between its tasks where its job has tensors that stay at each site, or models of the site's own: a safetensors file.
 * Tensors that stay have their names in it, those of own models a word before them. Under a name that no tensor has there are bytes: 32 that
 * only this site knows, so that the digest of the file, which leaves, tells nobody what the tensors are, and behind them what the script
 * keeps (`flare.saveState`).
 */
export const BYTES = '';
/** Of the site's. */
export const OWN_BYTES = 32;
/** Of a job with own models: figures of the best of the models that the site has scored, as JSON. */
export const BEST = 'best';

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
  return partsOf(await readParamsFile(path));
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
