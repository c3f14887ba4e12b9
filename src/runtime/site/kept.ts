import type { ParamSet } from '../base/tensors/nd-array.ts';
import { readParamsFile } from '../base/tensors/read-params-file.ts';

/**
 * What a site keeps between its tasks where its job has tensors that stay at each site: a safetensors file of these tensors by their
 * names. Under a name that no tensor has there are bytes: 32 that only this site knows, so that the digest of the file, which leaves, tells
 * nobody what the tensors are, and behind them what the script keeps (`flare.saveState`).
 */
export const BYTES = '';
/** Of the site's. */
export const OWN_BYTES = 32;

export interface Kept {
  readonly tensors: ParamSet;
  /** What the script keeps. */
  readonly state: Uint8Array | undefined;
}

/** @throws NF_PATH_MISSING, NF_TENSORS_FILE */
export async function readKept(path: string): Promise<Kept> {
  const { [BYTES]: bytes, ...tensors } = await readParamsFile(path);
  const state = bytes?.data instanceof Uint8Array ? bytes.data.subarray(OWN_BYTES) : undefined;
  return { tensors, state: state?.length ? state : undefined };
}
