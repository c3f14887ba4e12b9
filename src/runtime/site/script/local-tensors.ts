import { deserialize, serialize } from 'node:v8';
import type { NdArray, ParamSet } from '../../base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../../base/tensors/safetensors.ts';
import { matcherOf } from '../../job/name-patterns.ts';
import type { SessionResult } from '../client-api/session.ts';

/** What a site keeps for its next task: what its script keeps, and its own arrays. */
interface Kept {
  readonly script: Uint8Array | undefined;
  readonly local: ParamSet;
}

/**
 * Arrays of a model that stay at a site: FedBN (Li et al. 2021) keeps those of batch normalization, FedPer (Arivazhagan et al. 2019) the last
 * layers. The script trains a whole model; what it made of its own arrays is what its next task begins with.
 */
export class LocalTensors {
  readonly #patterns: readonly string[];
  readonly #kept: Kept;

  /** @param state what the site kept in its task before */
  constructor(patterns: readonly string[], state: Uint8Array | undefined) {
    this.#patterns = patterns;
    this.#kept = state === undefined ? { script: undefined, local: {} } : deserialize(state);
  }

  /** What the script kept. */
  get state(): Uint8Array | undefined {
    return this.#kept.script;
  }

  /** The received model with the site's own arrays in it. */
  fill(received: ParamSet): ParamSet {
    return { ...received, ...this.#kept.local };
  }

  /** The result without the site's own arrays, which are kept. @param received as the script was given it */
  finish(result: SessionResult, received: ParamSet): SessionResult {
    const { model } = result.files;
    const script = result.state ?? this.#kept.script;
    if (!model)
      return result.state
        ? { ...result, state: serialize({ ...this.#kept, script } satisfies Kept) }
        : result;
    const [shared, own] = this.#parted(decodeSafetensors(model, 'model'));
    const local = result.paramsType === 'FULL' ? own : added(own, received);
    return {
      ...result,
      files: { ...result.files, model: encodeSafetensors(shared) },
      state: serialize({ script, local } satisfies Kept),
    };
  }

  #parted(params: ParamSet): [ParamSet, ParamSet] {
    const arrays = Object.entries(params);
    const isLocal = matcherOf(this.#patterns);
    const isOwn = ([name]: [string, NdArray]) => isLocal(name);
    return [
      Object.fromEntries(arrays.filter((one) => !isOwn(one))),
      Object.fromEntries(arrays.filter(isOwn)),
    ];
  }
}

/** Differences and what they are to. */
function added(differences: ParamSet, to: ParamSet): ParamSet {
  const arrays = Object.entries(differences).map(([name, array]): [string, NdArray] => {
    const data = array.data.slice();
    for (let at = 0; at < data.length; at++) data[at] = (to[name]?.data[at] ?? 0) + (data[at] ?? 0);
    return [name, { ...array, data } as NdArray];
  });
  return Object.fromEntries(arrays);
}
