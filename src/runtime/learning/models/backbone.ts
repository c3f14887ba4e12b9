import { flError } from '../../base/errors/errors.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { efficientnetLite0, type Stage } from './efficientnet-lite.ts';
import type { LayerPlan } from './plan.ts';
import { type Architecture, type BackboneSpec, outputCount } from './spec.ts';

const STAGES: Record<Architecture, () => Stage[]> = { 'efficientnet-lite0': efficientnetLite0 };

/** Of each feature map one number: the last stage of every architecture. */
const POOLED = 'features';

/** A network that stays as it is, and what is trained on what it gives. */
export interface BackbonePlan {
  /** Undefined where the file itself says what is computed (ONNX). */
  readonly frozen: readonly LayerPlan[] | undefined;
  readonly trained: readonly LayerPlan[];
  /** What the frozen part gives for a picture: [features], or [side, side, channels]. */
  readonly shape: readonly number[];
}

/**
 * Where a pretrained network is cut.
 * @throws NF_BACKBONE_LAYER
 */
export function planBackbone(spec: BackboneSpec): BackbonePlan {
  const head = planHead(spec);
  if (spec.architecture === undefined)
    return { frozen: undefined, trained: head, shape: [spec.features ?? 0] };
  const stages = STAGES[spec.architecture]();
  const pool: LayerPlan = { kind: 'global-pool', name: POOLED, how: spec.pooling ?? 'average' };
  const { frozen_to: last = POOLED } = spec;
  const names = [...stages.map(({ name }) => name), POOLED];
  const cut = names.indexOf(last) + 1;
  if (cut === 0) {
    const params = { name: last, path: spec.architecture, nearest: didYouMean(last, names) };
    const known = `it has ${names.join(', ')}`;
    throw flError('NF_BACKBONE_LAYER', { ...params, known }, { place: { key: 'model.frozen_to' } });
  }
  const layersOf = (some: readonly Stage[]) => some.flatMap(({ layers }) => layers);
  const before = stages.slice(0, cut);
  const { channels = 0 } = before.at(-1) ?? {};
  if (cut > stages.length) return { frozen: [...layersOf(stages), pool], trained: head, shape: [channels] };
  const side = before.reduce((size, { stride }) => Math.ceil(size / stride), spec.image_size);
  return {
    frozen: layersOf(before),
    trained: [...layersOf(stages.slice(cut)), pool, ...head],
    shape: [side, side, channels],
  };
}

/** From the features to the logits. */
function planHead(spec: BackboneSpec): LayerPlan[] {
  const { hidden = [], dropout } = spec;
  const left = (name: string): LayerPlan[] => (dropout ? [{ kind: 'dropout', name, rate: dropout }] : []);
  return [
    ...hidden.flatMap((units, at): LayerPlan[] => [
      ...left(`dropout${at + 1}`),
      { kind: 'dense', name: `hidden${at + 1}`, units, gain: 2 },
      { kind: 'relu', name: `hidden${at + 1}_relu` },
    ]),
    ...left('dropout'),
    { kind: 'dense', name: 'logits', units: outputCount(spec), gain: 0.1 },
  ];
}
