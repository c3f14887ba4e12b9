import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import type { ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import { makeEngine } from '../../../src/runtime/learning/engine/registry.ts';
import { createExplainer } from '../../../src/runtime/learning/explain/grad-cam.ts';
import { initialParams } from '../../../src/runtime/learning/models/initial-params.ts';

const SIDE = 32;
const pictures = (count: number) => {
  const random = createRandom('explain');
  return Float32Array.from({ length: count * SIDE * SIDE }, () => random.normal());
};

describe.each(['mri-cnn', 'mri-resnet'] as const)('Grad-CAM of %s', (type) => {
  const spec = { type, image_size: SIDE, classes: ['a', 'b', 'c'], width: 8 };

  it('gives one map a picture, from 0 to 1, the same on every engine', async () => {
    const params = initialParams(spec, 3);
    const maps = await Promise.all(
      (['ort', 'cpu'] as const).map(async (name) => {
        const explainer = await createExplainer(spec, params, await makeEngine(name, 'test'));
        const found = await explainer?.heat(pictures(2), [0, 2]);
        explainer?.dispose();
        return found;
      }),
    );
    const [ort, cpu] = maps;
    expect(ort?.maps).toHaveLength(2);
    for (const [at, map] of (ort?.maps ?? []).entries()) {
      expect(map).toHaveLength((ort?.side ?? 0) ** 2);
      for (const [place, value] of map.entries()) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        expect(value).toBeCloseTo(cpu?.maps[at]?.[place] ?? Number.NaN, 3);
      }
    }
  });
});

it('is the class activation map where the head is linear (Zhou et al., 2016)', async () => {
  const spec = { type: 'mri-resnet' as const, image_size: SIDE, classes: ['a', 'b'], width: 8 };
  const params = initialParams(spec, 5);
  const engine = await makeEngine('cpu', 'test');
  const heat = async (changed: ParamSet, label: number) => {
    const explainer = await createExplainer(spec, changed, engine);
    const found = await explainer?.heat(pictures(1), [label]);
    explainer?.dispose();
    return [...(found?.maps[0] ?? [])];
  };
  const kernel = params['logits/kernel'];
  if (!kernel) throw new Error('the model has logits');
  // With the two columns of the last layer exchanged, each class gets the other's map.
  const swapped = Float32Array.from(kernel.data, (_, at) => Number(kernel.data[at ^ 1]));
  const other = { ...params, 'logits/kernel': { ...kernel, dtype: 'float32' as const, data: swapped } };
  expect(await heat(params, 0)).toEqual(await heat(other, 1));
  expect(await heat(params, 0)).not.toEqual(await heat(params, 1));
});
