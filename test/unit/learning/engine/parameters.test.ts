import { describe, expect, it } from 'vitest';
import { modelParameters } from '../../../../src/runtime/learning/engine/parameters.ts';
import { tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';

const { layers } = tfl;

function namesOf(model: tfl.LayersModel): string[] {
  return modelParameters(model).map(({ name }) => name);
}

describe('names of parameters', () => {
  it('number unnamed layers within the model, and keep given names', () => {
    const build = () =>
      tfl.sequential({
        layers: [
          layers.dense({ inputShape: [2], units: 2, name: 'dense_1' }),
          layers.dense({ units: 2 }),
          layers.dense({ units: 2 }),
          layers.dense({ units: 2, useBias: false }),
        ],
      });
    const expected = [
      ...['dense_1/kernel', 'dense_1/bias', 'dense/kernel', 'dense/bias'],
      ...['dense_2/kernel', 'dense_2/bias', 'dense_3/kernel'],
    ];
    expect(namesOf(build())).toEqual(expected);
    expect(namesOf(build())).toEqual(expected);
  });

  it('reach into nested models and tell weights that are not trained', () => {
    const inner = tfl.sequential({
      layers: [
        layers.conv2d({ inputShape: [4, 4, 1], filters: 2, kernelSize: 1 }),
        layers.batchNormalization(),
      ],
    });
    const model = tfl.sequential({
      layers: [inner, layers.flatten(), layers.dense({ units: 2, name: 'head' })],
    });
    expect(modelParameters(model).map(({ name, trainable }) => [name, trainable])).toEqual([
      ['conv2d/kernel', true],
      ['conv2d/bias', true],
      ['batch_normalization/gamma', true],
      ['batch_normalization/beta', true],
      ['batch_normalization/moving_mean', false],
      ['batch_normalization/moving_variance', false],
      ['head/kernel', true],
      ['head/bias', true],
    ]);
  });

  it('list a layer that is used twice once', () => {
    const input = tfl.input({ shape: [3] });
    const shared = layers.dense({ units: 3, name: 'shared' });
    const outputs = shared.apply(shared.apply(input)) as tfl.SymbolicTensor;
    expect(namesOf(tfl.model({ inputs: input, outputs }))).toEqual(['shared/kernel', 'shared/bias']);
  });

  it('leave out how many layers the process has made, within wrappers too', () => {
    const build = () => {
      const layer = layers.lstm({ units: 1, recurrentInitializer: 'zeros' }) as tfl.RNN;
      return tfl.sequential({
        layers: [layers.bidirectional({ layer, mergeMode: 'sum', inputShape: [2, 1] })],
      });
    };
    const names = namesOf(build());
    expect(names).toContain('bidirectional/backward_lstm/kernel');
    expect(namesOf(build())).toEqual(names);
  });
});
