import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import type { EngineChoice } from '../../../src/runtime/job/engine-choice.ts';
import type { ExampleSet } from '../../../src/runtime/learning/dataset/example-set.ts';
import { type Dataset, openDataset } from '../../../src/runtime/learning/dataset/open-dataset.ts';
import { modelParameters } from '../../../src/runtime/learning/engine/parameters.ts';
import { createEngine } from '../../../src/runtime/learning/engine/registry.ts';
import { tfl } from '../../../src/runtime/learning/engine/tfjs.ts';
import { buildModel } from '../../../src/runtime/learning/models/build.ts';
import { initialParams } from '../../../src/runtime/learning/models/initial-params.ts';
import { compile } from '../../../src/runtime/learning/trainer/compile.ts';
import { askForCorrection, stepsTaken } from '../../../src/runtime/learning/trainer/control-variates.ts';
import { releaseTrainers } from '../../../src/runtime/learning/trainer/model-pool.ts';
import {
  askForProximal,
  askForTensors,
  isProximalUnused,
  onTrainProgress,
  setEngine,
  type TrainProgress,
} from '../../../src/runtime/learning/trainer/settings.ts';
import type { Trainer } from '../../../src/runtime/learning/trainer/trainer.ts';
import { spotSlice, subjectsOf, writeTree } from './bids-tree.ts';

const CLASSES = ['bright', 'dark'];
const SPEC = { type: 'mri-cnn', image_size: 16, classes: CLASSES, width: 8 };
let root: string;
let data: Dataset;

beforeAll(async () => {
  const train = subjectsOf(CLASSES, { count: 10, partition: 'train' });
  const validation = subjectsOf(CLASSES, { count: 5, partition: 'validation', first: 500 });
  root = await writeTree([...train, ...validation], spotSlice);
  data = await openDataset({ root, site: 'site-1' }, { imageSize: 16, batchSize: 8 });
});
afterAll(() => rm(root, { recursive: true }));
afterEach(() => {
  onTrainProgress(undefined);
  releaseTrainers();
});

function use(choice: EngineChoice): void {
  setEngine(async () => (await createEngine(choice)).engine);
}

/** The same pictures several times over, as they are. */
async function repeated(set: ExampleSet<unknown>, times: number): Promise<ExampleSet<unknown>> {
  const whole = await set.batches({ batchSize: set.size }).next();
  if (whole.done) throw new Error('no pictures');
  const { x, y, owners } = whole.value;
  const again = (values: Float32Array) =>
    Float32Array.from({ length: values.length * times }, (_, at) => values[at % values.length] ?? 0);
  return {
    size: set.size * times,
    options: set.options,
    requireFit: (model) => set.requireFit(model),
    score: (predict) => set.score(predict),
    async *batches() {
      yield { x: again(x), y: again(y), size: set.size * times, owners };
    },
  };
}

describe('training', () => {
  beforeAll(() => use('ort'));

  it('learns to tell bright spots from dark ones', async () => {
    const trainer = await compile(buildModel(SPEC), { learningRate: 0.003 });
    const before = await trainer.evaluate(data.validation);
    const { loss, losses, steps } = await trainer.fit(data.train, { epochs: 20, seed: 1 });
    const after = await trainer.evaluate(data.validation);
    expect(before.balanced_accuracy).toBeLessThan(0.8);
    expect(after.balanced_accuracy).toBeGreaterThanOrEqual(0.9);
    expect(after.loss).toBeLessThan(before.loss ?? 0);
    expect([losses.length, steps, loss]).toEqual([20, 20 * 3, losses.at(-1)]);
  });

  it('takes one step of all pictures where a batch may have more, to the same parameters however many more', async () => {
    const fitted = async (batchSize: number) => {
      const trainer = await compile(buildModel(SPEC), { learningRate: 0.003, batchSize });
      const { steps } = await trainer.fit(data.train, { epochs: 2, seed: 1 });
      return [steps, trainer.getParams()];
    };
    const [exact, more] = [await fitted(300), await fitted(4000)];
    expect(more).toEqual(exact);
    expect(more[0]).toBe(2);
  });

  it('goes on from the same parameters with more pictures than it was compiled for', async () => {
    const more = await repeated(data.train, 20);
    const trained = await compile(buildModel(SPEC), { learningRate: 0.003, batchSize: 4000 });
    await trained.fit(data.train, { epochs: 1, seed: 1 });
    const other = await compile(buildModel(SPEC), { learningRate: 0.003, batchSize: 4000 });
    other.setParams(trained.getParams());
    for (const trainer of [trained, other])
      expect(await trainer.fit(more, { epochs: 2, seed: 1 })).toMatchObject({ steps: 2, images: 2 * 400 });
    expect(trained.getParams()).toEqual(other.getParams());
  });

  it('gives the same bits for the same seed, in a new trainer or after setParams', async () => {
    const start = initialParams(SPEC, 5);
    const run = async (trainer: Trainer, seed: number) => {
      trainer.setParams(start);
      await trainer.fit(data.train, { epochs: 2, seed });
      return trainer.getParams();
    };
    const trainer = await compile(buildModel({ ...SPEC, dropout: 0.3 }), {});
    const first = await run(trainer, 7);
    expect(await run(trainer, 7)).toEqual(first);
    expect(await run(trainer, 8)).not.toEqual(first);
    releaseTrainers();
    expect(await run(await compile(buildModel({ ...SPEC, dropout: 0.3 }), {}), 7)).toEqual(first);
  });

  it('goes the same way on the oracle engine', async () => {
    const train = async () => (await compile(buildModel(SPEC))).fit(data.train, { seed: 2 });
    const { loss } = await train();
    releaseTrainers();
    use('cpu');
    expect((await train()).loss).toBeCloseTo(loss, 3);
    use('ort');
  });

  it('trains the residual network', async () => {
    const trainer = await compile(buildModel({ ...SPEC, type: 'mri-resnet' }), { optimizer: 'adamw' });
    const { losses } = await trainer.fit(data.train, { epochs: 3, seed: 1 });
    expect(losses[2]).toBeLessThan(losses[0] ?? 0);
  });
});

describe('a trainer', () => {
  beforeAll(() => use('ort'));

  it('starts from the parameters that the coordinator would send', async () => {
    const trainer = await compile(buildModel({ ...SPEC, seed: 3 }));
    const expected = initialParams(SPEC, 3);
    expect(trainer.getParams()).toEqual(expected);
    await trainer.evaluate(data.validation);
    expect(trainer.getParams()).toEqual(expected);
  });

  it('starts afresh when the compiled graph of an earlier task is used again', async () => {
    const first = await compile(buildModel(SPEC));
    await first.fit(data.train, { seed: 1 });
    const trained = first.getParams();
    releaseTrainers();
    const second = await compile(buildModel(SPEC));
    expect(second.getParams()).toEqual(initialParams(SPEC));
    await second.fit(data.train, { seed: 1 });
    expect(second.getParams()).toEqual(trained);
  });

  it('keeps two trainers of one task apart', async () => {
    const [left, right] = [await compile(buildModel(SPEC)), await compile(buildModel(SPEC))];
    await left.fit(data.train, { seed: 1 });
    await right.evaluate(data.validation);
    expect(right.getParams()).toEqual(initialParams(SPEC));
  });

  it('is pulled to the received model by proximalMu', async () => {
    const distance = async (proximalMu: number) => {
      const trainer = await compile(buildModel(SPEC), { proximalMu, learningRate: 0.003 });
      await trainer.fit(data.train, { epochs: 4, seed: 1 });
      return distanceOf(trainer.getParams(), initialParams(SPEC));
    };
    expect(await distance(10)).toBeLessThan(await distance(0));
  });

  it('is pulled by what the task asks for, where the script says nothing of it', async () => {
    const trained = async (options: object, mu?: number) => {
      askForProximal(mu);
      const trainer = await compile(buildModel(SPEC), { learningRate: 0.003, ...options });
      expect(isProximalUnused()).toBe(false);
      await trainer.fit(data.train, { seed: 1 });
      askForProximal(undefined);
      return trainer.getParams();
    };
    expect(await trained({}, 10)).toEqual(await trained({ proximalMu: 10 }));
    expect(await trained({}, 10)).not.toEqual(await trained({}));
    askForProximal(10);
    expect(isProximalUnused()).toBe(true);
    askForProximal(undefined);
  });

  it('changes those arrays alone that the task names, in a model that other tasks train whole', async () => {
    const changed = async (patterns?: readonly string[]) => {
      askForTensors(patterns);
      const trainer = await compile(buildModel(SPEC), { learningRate: 0.003 });
      trainer.setParams(initialParams(SPEC));
      await trainer.fit(data.train, { seed: 1 });
      const now = trainer.getParams();
      askForTensors(undefined);
      releaseTrainers();
      return Object.entries(initialParams(SPEC)).flatMap(([name, { data: before }]) =>
        before.every((value, at) => now[name]?.data[at] === value) ? [] : [name],
      );
    };
    const all = await changed();
    expect((await changed(['logits/*'])).sort()).toEqual(['logits/bias', 'logits/kernel']);
    expect(await changed(['logits/kernel'])).toEqual(['logits/kernel']);
    expect(await changed()).toEqual(all);
    expect(all.length).toBeGreaterThan(4);
  });

  describe('of lopsided classes', () => {
    const trained = async (options: object) => {
      const trainer = await compile(buildModel(SPEC), { optimizer: 'sgd', learningRate: 0.1, ...options });
      trainer.setParams(initialParams(SPEC));
      const fitted = await trainer.fit(data.train, { epochs: 2, seed: 1 });
      return { params: trainer.getParams(), fitted };
    };

    it('adjusts its logits by the classes of the site, or by those that it is told, and predicts without', async () => {
      const even = await trained({ logitAdjustment: 1 });
      // The site has as many of both: what is added is the same for both, and changes nothing.
      expect(distanceOf(even.params, (await trained({})).params)).toBeLessThan(1e-8);
      const told = await trained({ logitAdjustment: 1, classPrior: [0.9, 0.1] });
      const bias = ({ params }: typeof told) => params['logits/bias']?.data ?? [];
      // What is said to be rare is believed more readily.
      const [bright = 0, dark = 0] = bias(told);
      const [plainBright = 0, plainDark = 0] = bias(even);
      expect(dark - bright).toBeGreaterThan(plainDark - plainBright + 0.05);
      expect(await trained({ logitAdjustment: 1, classPrior: [9, 1] })).toEqual(told);
    });

    it('says what it has shown', async () => {
      expect((await trained({})).fitted).toMatchObject({ steps: 6, images: 40 });
    });
  });

  it('raises the learning rate over the first steps since the parameters were set, in one fit or two', async () => {
    const start = initialParams(SPEC);
    const trained = async (options: object, fits: readonly object[]) => {
      const trainer = await compile(buildModel({ ...SPEC, dropout: 0 }), { optimizer: 'sgd', ...options });
      trainer.setParams(start);
      for (const fit of fits) await trainer.fit(data.train, { seed: 1, ...fit });
      return trainer.getParams();
    };
    const rise = (step: number) => 0.1 * Math.min(1, (step + 1) / 4);
    const byHand = [{ learningRate: rise }, { learningRate: (step: number) => rise(step + 3) }];
    const warm = { learningRate: 0.1, warmupSteps: 4 };
    expect(await trained(warm, [{}, {}])).toEqual(await trained({}, byHand));
    expect(await trained(warm, [{}, {}])).not.toEqual(await trained({ learningRate: 0.1 }, [{}, {}]));
  });

  describe('of a task of SCAFFOLD', () => {
    const params = initialParams(SPEC, 3);
    const correction = Object.fromEntries(
      Object.entries(params).map(([name, array]) => [name, { ...array, data: array.data.map(() => 0.01) }]),
    );
    afterEach(() => askForCorrection(undefined));
    const trained = async (options: object, set?: typeof correction, given = data) => {
      const trainer = await compile(buildModel({ ...SPEC, dropout: 0 }), {
        optimizer: 'sgd',
        learningRate: 0.05,
        ...options,
      });
      trainer.setParams(params);
      if (set) trainer.setCorrection(set);
      await trainer.fit(given.train, { seed: 1 });
      return trainer.getParams();
    };

    it('is corrected by what the task asks for, and notes the sum of its learning rates', async () => {
      askForCorrection({ option: 2, correction });
      const asked = await trained({});
      expect(stepsTaken()).toEqual({ rates: expect.closeTo(3 * 0.05, 12), gradient: undefined });
      await trained({});
      expect(stepsTaken()?.rates).toBeCloseTo(6 * 0.05, 12);
      askForCorrection(undefined);
      const names = modelParameters(buildModel(SPEC)).flatMap(({ name, trainable }) =>
        trainable ? [name] : [],
      );
      const own = Object.fromEntries(Object.entries(correction).filter(([name]) => names.includes(name)));
      expect(asked).toEqual(await trained({ corrected: true }, own));
      expect(asked).not.toEqual(await trained({}));
    });

    it('notes the gradient at the received model where option 1 asks for it: that of one step over all data', async () => {
      askForCorrection({ option: 1, correction });
      const plain = await openDataset(
        { root, site: 'site-1' },
        { imageSize: 16, batchSize: 8, augment: false },
      );
      await trained({}, undefined, plain);
      const { gradient = {} } = stepsTaken() ?? {};
      askForCorrection(undefined);
      const after = await trained({ learningRate: 0.5, batchSize: 20 }, undefined, plain);
      for (const [name, { data: values }] of Object.entries(gradient)) {
        const size = Math.max(...values.map(Math.abs));
        for (const [at, value] of [...values].entries()) {
          const step = ((params[name]?.data[at] ?? 0) - (after[name]?.data[at] ?? 0)) / 0.5;
          expect(Math.abs(step - value)).toBeLessThan(1e-3 * size + 1e-6);
        }
      }
      expect(Object.keys(gradient).length).toBeGreaterThan(3);
    });
  });

  it('tells how far it is', async () => {
    const seen: TrainProgress[] = [];
    onTrainProgress((progress) => seen.push(progress));
    const trainer = await compile(buildModel(SPEC));
    await trainer.fit(data.train, { epochs: 2, seed: 1 });
    await trainer.evaluate(data.validation);
    expect(seen.map(({ phase, epoch, done, total }) => [phase, epoch, done, total].join(' '))).toEqual([
      ...['fit 1 8 20', 'fit 1 16 20', 'fit 1 20 20', 'fit 2 8 20', 'fit 2 16 20', 'fit 2 20 20'],
      ...['evaluate 1 10 20', 'evaluate 1 20 20'],
    ]);
  });

  it('lets the event loop turn between steps', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const trainer = await compile(buildModel(SPEC));
    await trainer.fit(data.train, { epochs: 5, seed: 1 });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it("trains a model of the user's own making", async () => {
    const model = tfl.sequential({
      layers: [
        tfl.layers.flatten({ inputShape: [16, 16, 1] }),
        tfl.layers.dense({ units: 2, kernelInitializer: 'zeros' }),
      ],
    });
    const trainer = await compile(model, { optimizer: 'sgd', learningRate: 0.01 });
    expect(Object.keys(trainer.getParams())).toEqual(['dense/kernel', 'dense/bias']);
    const { losses } = await trainer.fit(data.train, { epochs: 3, seed: 1 });
    expect(losses[2]).toBeLessThan(losses[0] ?? 0);
  });
});

describe('misuse of a trainer', () => {
  beforeAll(() => use('ort'));

  it.each([
    [{ learningRate: '0.001' }, /'learningRate': "0.001" is not a number over 0/],
    [{ learningRate: Number.NaN }, /'learningRate': NaN/],
    [{ learning_rate: 0.1 }, /'learning_rate'.*Did you mean 'learningRate'\?/],
    [{ optimizer: 'adma' }, /'adma'.*Did you mean 'adam'\?/],
    [{ labelSmoothing: 1 }, /of at least 0 and under 1/],
    [{ batchSize: 2.5 }, /whole number/],
    [{ logitAdjustment: -1 }, /'logitAdjustment': -1 is not a number of at least 0/],
    [{ classPrior: [1, 'two'] }, /'classPrior'.*not a list of numbers of at least 0, not all 0/],
    [{ classPrior: [0, 0] }, /'classPrior'.*not all 0/],
    [{ warmupSteps: 1.5 }, /'warmupSteps': 1.5 is not a whole number/],
  ])('names the option in %j', async (options, message) => {
    await expect(compile(buildModel(SPEC), options as object)).rejects.toMatchObject({
      code: 'NF_TRAIN_OPTION',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a prior of other classes, and to make up for lopsided classes twice', async () => {
    const three = await compile(buildModel(SPEC), { logitAdjustment: 1, classPrior: [1, 2, 3] });
    await expect(three.fit(data.train, { seed: 1 })).rejects.toMatchObject({
      code: 'NF_TRAIN_OPTION',
      message: expect.stringContaining('one number for each of bright, dark'),
    });
    const balanced = await openDataset(
      { root, site: 'site-1' },
      { imageSize: 16, sampling: 'class_balanced' },
    );
    const twice = await compile(buildModel(SPEC), { logitAdjustment: 1 });
    await expect(twice.fit(balanced.train, { seed: 1 })).rejects.toMatchObject({
      code: 'NF_TRAIN_OPTION',
      message: expect.stringContaining('class_balanced'),
    });
  });

  it('takes epochs as flare.args() has them, and refuses what is no count', async () => {
    const trainer = await compile(buildModel(SPEC));
    for (const epochs of [0, 1.5, '3', null]) {
      await expect(trainer.fit(data.train, { epochs, seed: 1 })).rejects.toMatchObject({
        code: 'NF_TRAIN_OPTION',
        message: expect.stringContaining('epochs'),
      });
    }
  });

  it('names epoch and step of a loss that is not finite', async () => {
    const trainer = await compile(buildModel(SPEC), { optimizer: 'sgd', learningRate: 1e30 });
    await expect(trainer.fit(data.train, { epochs: 3, seed: 1 })).rejects.toMatchObject({
      code: 'NF_TRAIN_LOSS',
      message: expect.stringMatching(/in epoch 1, step 2/),
    });
  });

  it('refuses data of another size or of other classes', async () => {
    const small = await compile(buildModel({ ...SPEC, image_size: 32 }));
    await expect(small.evaluate(data.validation)).rejects.toMatchObject({ code: 'NF_TRAIN_IMAGE_SIZE' });
    const turned = await compile(buildModel({ ...SPEC, classes: ['dark', 'bright'] }));
    await expect(turned.fit(data.train, { seed: 1 })).rejects.toMatchObject({ code: 'NF_TRAIN_CLASSES' });
    const three = await compile(buildModel({ ...SPEC, classes: undefined, num_classes: 3 }));
    await expect(three.evaluate(data.train)).rejects.toMatchObject({ code: 'NF_TRAIN_CLASSES' });
  });

  it('refuses parameters of another model', async () => {
    const trainer = await compile(buildModel(SPEC));
    const wide = initialParams({ ...SPEC, width: 16 });
    expect(() => trainer.setParams(wide)).toThrow(expect.objectContaining({ code: 'NF_TENSORS_SHAPE' }));
    const { 'conv1/bias': _, ...rest } = initialParams(SPEC);
    expect(() => trainer.setParams(rest)).toThrow(expect.objectContaining({ code: 'NF_TENSORS_NAMES' }));
  });

  it('gives null figures and no failure for an empty validation part, but will not train on nothing', async () => {
    const trainer = await compile(buildModel(SPEC));
    expect(await trainer.evaluate(data.test)).toMatchObject({ num_examples: 0, accuracy: null, loss: null });
    await expect(trainer.fit(data.test, { seed: 1 })).rejects.toMatchObject({ code: 'NF_TRAIN_EMPTY' });
  });

  it('refuses a model that is not a classifier of grey squares', async () => {
    const model = tfl.sequential({ layers: [tfl.layers.dense({ inputShape: [7], units: 2 })] });
    await expect(compile(model)).rejects.toMatchObject({ code: 'NF_TRAIN_MODEL' });
  });
});

function distanceOf(left: ParamSet, right: ParamSet): number {
  return Object.entries(left).reduce((sum, [name, { data }]) => {
    const other = right[name]?.data ?? new Float32Array();
    return sum + data.reduce((part, value, at) => part + (value - (other[at] ?? 0)) ** 2, 0);
  }, 0);
}
