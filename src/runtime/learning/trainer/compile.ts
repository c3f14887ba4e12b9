import type { LayersModel } from '@tensorflow/tfjs-layers';
import { canonicalJson } from '../../base/digest.ts';
import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import type { NdArray, ParamSet } from '../../base/tensors/nd-array.ts';
import { matcherOf } from '../../base/text/name-patterns.ts';
import { checkKeys } from '../check-option.ts';
import type { FrozenView, ModelForm } from '../dataset/example-set.ts';
import type { CompiledFunction, CompileOptions, FunctionOptions, UnitOptions } from '../engine/engine.ts';
import { freezeOthers, modelParameters } from '../engine/parameters.ts';
import type { StepFunction } from '../engine/trace/trace-function.ts';
import { modelSpecOf } from '../models/build.ts';
import { type BackboneSpec, inputChannels, outputCount } from '../models/spec.ts';
import { functionWithFallback, withFallback } from './eager-fallback.ts';
import { adoptFunction, adoptModel, leaseCompiled } from './model-pool.ts';
import { checkOptions, type TrainerOptions } from './options.ts';
import { currentEngine, wantedTensors } from './settings.ts';
import { unitsFor } from './train-privately.ts';
import { Trainer } from './trainer.ts';

/**
 * Makes a trainer of a model: one image in, [size, size, channels], logits [classes] out, or a slice or volume in, [..., channels], and logits
 * [..., 1 + labels] out, such as `buildModel` makes or one built with `@tensorflow/tfjs`. The engine is the run's choice (`--engine`). From here on the model's variables belong to the trainer.
 *
 * @throws NF_TRAIN_OPTION, NF_TRAIN_MODEL; at the first use NF_ENGINE_*
 * @example const trainer = await compile(buildModel(flare.model()), { optimizer: 'adam', learningRate: 0.001 });
 */
export async function compile(model: LayersModel, options?: TrainerOptions): Promise<Trainer>;
/**
 * Makes a function of tensors in plain TensorFlow.js fast, whatever it computes: a training step with one of tfjs's optimizers,
 * a loss, a prediction. Its variables stay the caller's.
 *
 * @throws at the first call NF_ENGINE_KERNEL_UNMAPPED, NF_ENGINE_VALUE_READ, NF_ENGINE_FUNCTION_* and their like
 * @example const step = await compile((x, y) => optimizer.minimize(() => lossOf(model.apply(x), y), true));
 */
export async function compile(
  work: StepFunction,
  options?: FunctionTrainerOptions,
): Promise<CompiledFunction>;
export async function compile(
  subject: LayersModel | StepFunction,
  options: TrainerOptions | FunctionTrainerOptions = {},
): Promise<Trainer | CompiledFunction> {
  if (typeof subject !== 'function') return compileModel(subject, options as TrainerOptions);
  checkKeys(options, ['seed', 'allowEager']);
  const compiled = functionWithFallback(await currentEngine(), subject, options as FunctionTrainerOptions);
  adoptFunction(compiled);
  return compiled;
}

/** For `compile` of a function. */
export interface FunctionTrainerOptions extends FunctionOptions {
  /** As in `TrainerOptions`. Default false. */
  readonly allowEager?: boolean;
}

async function compileModel(model: LayersModel, options: TrainerOptions): Promise<Trainer> {
  const form = formOf(model);
  const checked = checkOptions(options, { kind: usualLoss(form) });
  const engine = await currentEngine();
  adoptModel(model);
  const trained = wantedTensors();
  if (trained) freezeOthers(model, matcherOf(trained));
  const spec = modelSpecOf(model);
  const trainable = modelParameters(model).flatMap((one) => (one.trainable ? [one.name] : []));
  const prepareWith = (settings: CompileOptions) => {
    const key =
      spec && canonicalJson({ engine: engine.describe(), spec, settings, ...(trained && { trained }) });
    return leaseCompiled(model, key, async () => {
      const made = await withFallback(engine, checked.allowEager, (by) => by.compile(model, settings));
      return made.result;
    });
  };
  const prepare = (batchSize: number) => prepareWith({ ...checked.compile, batchSize });
  const { loss } = checked.compile;
  const prepareGradient = (batchSize: number) =>
    prepareWith({ optimizer: { kind: 'sgd' }, ...(loss && { loss }), batchSize });
  const params = readParams(model);
  const units = checked.privacy && unitsFor(params, trainable, checked.privacy);
  const prepareUnits = async (wanted: UnitOptions) => {
    const settings = { ...checked.compile, batchSize: wanted.units * wanted.rowsPerUnit };
    return prepareWith({ ...settings, units: wanted }).catch((error: unknown) => {
      const isSlow = error instanceof NeuroflareError && ONE_BY_ONE.includes(error.code);
      if (!checked.allowEager || !isSlow) throw error;
      return prepareWith({ ...settings, units: { ...wanted, oneByOne: true } });
    });
  };
  return new Trainer({
    form,
    frozen: spec?.type === 'backbone' ? frozenOf(spec, checked.views) : undefined,
    options: checked,
    params,
    trainable,
    units,
    prepareUnits,
    prepare,
    prepareGradient,
  });
}

/** Failures that say: gradients of people are not had all at once. */
const ONE_BY_ONE: readonly string[] = ['NF_PRIVACY_LAYER', 'NF_PRIVACY_GRADIENT'];

function usualLoss({ output }: ModelForm): 'softmax-cross-entropy' | 'dice-cross-entropy' {
  return output.length === 1 ? 'softmax-cross-entropy' : 'dice-cross-entropy';
}

/** The network is opened once, when its features are first asked for. */
function frozenOf(spec: BackboneSpec, views: number | undefined): () => Promise<FrozenView> {
  let opened: Promise<FrozenView> | undefined;
  const open = async () => {
    const { openBackbone } = await import('../backbone/open-backbone.ts');
    return { network: await openBackbone(spec), views };
  };
  return () => {
    opened ??= open();
    return opened;
  };
}

function formOf(model: LayersModel): ModelForm {
  const spec = modelSpecOf(model);
  if (spec?.type === 'backbone')
    return {
      name: model.name,
      input: [spec.image_size, spec.image_size, inputChannels(spec)],
      output: [outputCount(spec)],
      names: spec.classes,
    };
  const [input, output] = [onlyShape(model.inputs), onlyShape(model.outputs)];
  const names = spec?.type === 'unet' ? spec.labels : spec?.classes;
  const form = { name: model.name, input: sizesOf(input), output: sizesOf(output), names };
  const space = form.input.slice(0, -1);
  const isClassifier =
    form.output.length === 1 && [2, 3].includes(space.length) && space.every((size) => size === space[0]);
  const isSegmenter =
    space.length > 1 &&
    form.output.length === form.input.length &&
    `${form.output.slice(0, -1)}` === `${space}`;
  const isWhole = [...form.input, ...form.output].every((size) => size > 0);
  if (isWhole && (isClassifier || isSegmenter)) return form;
  throw flError('NF_TRAIN_MODEL', { name: model.name, found: `[${input}] to [${output}]` });
}

/** Without the batch; 0 for a size that is not fixed. */
function sizesOf(shape: readonly (number | null)[]): number[] {
  return shape.slice(1).map((size) => size ?? 0);
}

function onlyShape(ends: LayersModel['inputs']): readonly (number | null)[] {
  return ends.length === 1 ? (ends[0]?.shape ?? []) : [];
}

function readParams(model: LayersModel): ParamSet {
  return Object.fromEntries(
    modelParameters(model).map(({ name, shape, variable }): [string, NdArray] => {
      return [name, { dtype: 'float32', shape, data: Float32Array.from(variable.dataSync()) }];
    }),
  );
}
