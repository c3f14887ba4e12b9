import { EXPORTED, exportFeatures } from '../export/export-onnx.ts';
import { planBackbone } from '../models/backbone.ts';
import { buildLayers, fillModel } from '../models/build.ts';
import { type BackboneSpec, takenChannels } from '../models/spec.ts';
import { cutOnnx, encodeCut } from './cut-onnx.ts';
import { foldedParams } from './folded.ts';
import { decodeNetwork } from './network-file.ts';

/** The part of a pretrained network that stays as it is, as an ONNX file. */
export interface FrozenNetwork {
  readonly onnx: Uint8Array;
  readonly input: string;
  readonly output: string;
  /** Whether channels come before the sides of a picture, and of feature maps. */
  readonly channelsFirst: boolean;
}

/** @throws NF_BACKBONE_* */
export function frozenNetwork(bytes: Uint8Array, spec: BackboneSpec, path: string): FrozenNetwork {
  const { frozen } = planBackbone(spec);
  if (!frozen) {
    const cut = cutOnnx(bytes, spec, path);
    const { input, output, channelsFirst } = cut;
    return { onnx: encodeCut(cut), input: input.name, output, channelsFirst };
  }
  const channels = takenChannels(spec);
  const { image_size: side } = spec;
  const model = buildLayers(frozen, { shape: [side, side, channels], name: 'frozen' });
  fillModel(model, foldedParams(frozen, decodeNetwork(bytes, path), { path, channels }));
  try {
    return {
      onnx: exportFeatures(model),
      input: EXPORTED.image,
      output: EXPORTED.features,
      channelsFirst: false,
    };
  } finally {
    model.dispose();
  }
}
