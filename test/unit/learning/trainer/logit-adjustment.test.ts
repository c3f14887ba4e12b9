import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CompiledModel } from '../../../../src/runtime/learning/engine/engine.ts';
import { makeEngine } from '../../../../src/runtime/learning/engine/registry.ts';
import { tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';
import { logitOffsets } from '../../../../src/runtime/learning/trainer/class-prior.ts';

/** Made by test/parity/logit_adjustment.py. */
const torch = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../parity/logit_adjustment.json'), 'utf8'),
) as {
  counts: number[];
  tau: number;
  smoothing: number;
  rate: number;
  warmup: number;
  batch: number;
  labels: number[];
  inputs: number[][];
  kernel: number[][];
  losses: number[];
  trained: { kernel: number[][]; bias: number[] };
};

describe('logit adjustment', () => {
  it('adds tau times the logarithm of the share of each class', () => {
    const offsets = [...logitOffsets([90, 9, 1], 2)];
    expect(offsets.map((value) => Math.exp(value / 2))).toEqual(
      [0.9, 0.09, 0.01].map((p) => expect.closeTo(p, 6)),
    );
    expect([...logitOffsets([0.6, 0.3, 0.1], 1)]).toEqual([...logitOffsets([6, 3, 1], 1)]);
  });

  it('takes a class that is not there for half a picture, or for half of the rarest share', () => {
    const shares = (counts: number[]) => [...logitOffsets(counts, 1)].map(Math.exp);
    expect(shares([3, 0, 1])).toEqual([3 / 4.5, 0.5 / 4.5, 1 / 4.5].map((p) => expect.closeTo(p, 6)));
    expect(shares([0.8, 0, 0.2])).toEqual([0.8 / 1.1, 0.1 / 1.1, 0.2 / 1.1].map((p) => expect.closeTo(p, 6)));
  });

  it.each(['ort', 'cpu'] as const)(
    'comes to the losses and weights of PyTorch on engine %s',
    async (name) => {
      const model = await (await makeEngine(name, 'test')).compile(linear(), {
        batchSize: torch.batch,
        optimizer: { kind: 'sgd' },
        loss: { kind: 'softmax-cross-entropy', labelSmoothing: torch.smoothing, adjusted: true },
      });
      model.setParams({
        'linear/kernel': { dtype: 'float32', shape: [4, 3], data: Float32Array.from(torch.kernel.flat()) },
        'linear/bias': { dtype: 'float32', shape: [3], data: new Float32Array(3) },
      });
      const losses: number[] = [];
      for (const step of torch.losses.keys()) losses.push(await stepAt(model, step));
      expect(losses).toEqual(torch.losses.map((loss) => expect.closeTo(loss, 5)));
      const { 'linear/kernel': kernel, 'linear/bias': bias } = model.getParams();
      expect([...(kernel?.data ?? [])]).toEqual(
        torch.trained.kernel.flat().map((value) => expect.closeTo(value, 5)),
      );
      expect([...(bias?.data ?? [])]).toEqual(torch.trained.bias.map((value) => expect.closeTo(value, 5)));
      model.dispose();
    },
  );

  it('refuses offsets of another number, or that are not finite', async () => {
    const model = await (await makeEngine('cpu', 'test')).compile(linear(), {
      batchSize: torch.batch,
      optimizer: { kind: 'sgd' },
      loss: { kind: 'softmax-cross-entropy', adjusted: true },
    });
    for (const logitOffset of [Float32Array.of(1, 2), Float32Array.of(0, Number.NaN, 0)])
      await expect(stepAt(model, 0, logitOffset)).rejects.toMatchObject({
        code: 'NF_ENGINE_BATCH_INVALID',
        message: expect.stringContaining('logitOffset'),
      });
  });
});

/** One step as the script takes it, with the learning rate on its rise. */
function stepAt(model: CompiledModel, step: number, logitOffset = logitOffsets(torch.counts, torch.tau)) {
  const rows = Array.from(
    { length: torch.batch },
    (_, at) => (step * torch.batch + at) % torch.labels.length,
  );
  return model.trainStep({
    x: Float32Array.from(rows.flatMap((row) => torch.inputs[row] ?? [])),
    y: Float32Array.from(
      rows.flatMap((row) => [0, 1, 2].map((label) => (torch.labels[row] === label ? 1 : 0))),
    ),
    size: torch.batch,
    learningRate: torch.rate * Math.min(1, (step + 1) / torch.warmup),
    logitOffset,
    seed: 1,
  });
}

function linear() {
  return tfl.sequential({ layers: [tfl.layers.dense({ inputShape: [4], units: 3, name: 'linear' })] });
}
