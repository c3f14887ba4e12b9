import { numberAt } from '../../base/at.ts';
import { reasonOf } from '../../base/errors/reason-of.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { decodeSafetensors } from '../../base/tensors/safetensors.ts';
import { type FileRules, readJobFile } from '../../job/job-paths.ts';
import { planBackbone } from '../models/backbone.ts';
import { initialParams } from '../models/initial-params.ts';
import { type BackboneSpec, inputChannels, takenChannels } from '../models/spec.ts';
import { cutOnnx } from './cut-onnx.ts';
import { foldedParams } from './folded.ts';
import { networkFault } from './network-fault.ts';

/** @throws NF_JOB_DATA, NF_JOB_PATH */
export function readNetworkFile(path: string, rules: FileRules): Promise<Uint8Array> {
  return readJobFile(path, { what: 'The pretrained network', key: 'model.import' }, rules);
}

/** @throws NF_BACKBONE_FILE */
export function decodeNetwork(bytes: Uint8Array, path: string): ParamSet {
  try {
    return decodeSafetensors(bytes, path);
  } catch (cause) {
    throw networkFault(path, `it is no file of safetensors: ${reasonOf(cause)}`, cause);
  }
}

/**
 * What is trained on a pretrained network at round 0: layers of the network itself as the file has them, new ones from the seed. The file is held
 * against the job, as far as that goes without running it.
 * @throws NF_BACKBONE_*, NF_JOB_DATA, NF_JOB_PATH
 */
export async function backboneParams(
  spec: BackboneSpec,
  { path, seed, rules }: { readonly path: string; readonly seed: number; readonly rules: FileRules },
): Promise<ParamSet> {
  const bytes = await readNetworkFile(path, rules);
  const first = initialParams(spec, seed);
  const { frozen, trained, shape } = planBackbone(spec);
  if (!frozen) {
    cutOnnx(bytes, spec, path);
    return first;
  }
  const given = decodeNetwork(bytes, path);
  foldedParams(frozen, given, { path, channels: takenChannels(spec) });
  return { ...first, ...foldedParams(trained, given, { path, channels: shape.at(-1) ?? 0 }) };
}

/** @returns the pixel of each channel of the network's input that channel of the picture is */
export function channelSources(spec: BackboneSpec): number[] {
  const given = inputChannels(spec);
  return Array.from({ length: takenChannels(spec) }, (_, channel) => (given === 1 ? 0 : channel));
}

/** Where the mean of the tissue comes to lie in each channel of the network's input, and what its standard deviation is there. */
export function inputScale(spec: BackboneSpec): { readonly means: number[]; readonly deviations: number[] } {
  const each = (value: number | readonly number[]) =>
    Array.from({ length: takenChannels(spec) }, (_, channel) =>
      typeof value === 'object' ? numberAt(value, channel) : value,
    );
  return { means: each(spec.input_mean ?? 0), deviations: each(spec.input_std ?? 1) };
}
