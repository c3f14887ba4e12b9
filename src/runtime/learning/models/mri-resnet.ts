import type { LayerPlan, ResidualPlan } from './plan.ts';
import { type GrownSpec, outputCount } from './spec.ts';

const GROUPS = 8;

/**
 * A small residual network (He et al., "Deep residual learning for image recognition", 2016) with group normalisation
 * in place of batch normalisation: one block at each of four widths, halving the image at the last three.
 * 308 000 parameters at width 16 and 4 classes.
 */
export function planMriResnet(spec: GrownSpec): LayerPlan[] {
  const width = spec.width ?? 16;
  return [
    conv('stem', width, 2), //                    size / 2
    norm('stem_norm'),
    { kind: 'relu', name: 'stem_relu' },
    ...block('block1', { from: width, to: width, stride: 1 }),
    ...block('block2', { from: width, to: 2 * width, stride: 2 }), //     size / 4
    ...block('block3', { from: 2 * width, to: 4 * width, stride: 2 }), // size / 8
    ...block('block4', { from: 4 * width, to: 8 * width, stride: 2 }), // size / 16
    { kind: 'global-pool', name: 'features', how: spec.pooling ?? 'average' },
    ...(spec.dropout ? [{ kind: 'dropout', name: 'dropout', rate: spec.dropout } as const] : []),
    { kind: 'dense', name: 'logits', units: outputCount(spec), gain: 0.1 },
  ];
}

function block(name: string, size: { from: number; to: number; stride: 1 | 2 }): LayerPlan[] {
  const residual: ResidualPlan = {
    kind: 'residual',
    name: `${name}_add`,
    body: [
      conv(`${name}_conv1`, size.to, size.stride),
      norm(`${name}_norm1`),
      { kind: 'relu', name: `${name}_relu1` },
      conv(`${name}_conv2`, size.to, 1),
      norm(`${name}_norm2`, 0),
    ],
    shortcut: size.from === size.to ? [] : projection(`${name}_shortcut`, size),
  };
  return [residual, { kind: 'relu', name: `${name}_relu2` }];
}

function projection(name: string, { to, stride }: { to: number; stride: 1 | 2 }): LayerPlan[] {
  return [{ kind: 'conv', name, filters: to, size: 1, stride, bias: false }, norm(`${name}_norm`)];
}

function conv(name: string, filters: number, stride: 1 | 2): LayerPlan {
  return { kind: 'conv', name, filters, size: 3, stride, bias: false };
}

function norm(name: string, scale: 0 | 1 = 1): LayerPlan {
  return { kind: 'group-norm', name, groups: GROUPS, scale };
}
