import { setImmediate as nextTurn } from 'node:timers/promises';
import { flError } from '../../base/errors/errors.ts';
import { deriveSeed } from '../../base/random.ts';
import { checkSameForm } from '../../base/tensors/check-params.ts';
import type { NdArray, ParamSet } from '../../base/tensors/nd-array.ts';
import { checkNumber, optionError } from '../check-option.ts';
import type { ExampleSet, FrozenView, ModelForm } from '../dataset/example-set.ts';
import type { CompiledModel, UnitOptions } from '../engine/engine.ts';
import { logitOffsets, requireClasses } from './class-prior.ts';
import { noteSteps, wantedCorrection, wantsGradient } from './control-variates.ts';
import { type CheckedOptions, checkLearningRate } from './options.ts';
import { noteReleased } from './private-settings.ts';
import { tellProgress } from './settings.ts';
import { rowsOfStep } from './step-rows.ts';
import { countOf, requireGroups, trainPrivately } from './train-privately.ts';

export interface FitOptions {
  /** Times every example is shown, a whole number. Default 1. */
  readonly epochs?: unknown;
  /** Decides order, augmentation and dropout: `flare.seed()`, or any whole number. */
  readonly seed: number;
  /** In place of the one given to `compile`, e.g. for a schedule over rounds; or one for each step, `(step, steps) => rate`, step from 0. */
  readonly learningRate?: unknown;
  /** In place of the `proximalMu` given to `compile`, which must be over 0 then. */
  readonly proximalMu?: unknown;
}

export interface FitResult {
  /** Mean loss of the last epoch, before each step. */
  readonly loss: number;
  /** Mean loss of each epoch. */
  readonly losses: readonly number[];
  readonly steps: number;
  /** Examples shown, each as often as it was; null in a private job, which does not tell how many people were drawn. */
  readonly images: number | null;
}

/** What a trainer is made of. */
export interface TrainerParts {
  readonly form: ModelForm;
  readonly options: CheckedOptions;
  readonly params: ParamSet;
  /** Names of those that are trained. */
  readonly trainable: readonly string[];
  /** What the model sees its examples through; undefined: it sees themselves. */
  readonly frozen: (() => Promise<FrozenView>) | undefined;
  /** Of a private job: groups in a batch. */
  readonly units: UnitOptions | undefined;
  /** Compiles for gradients of groups; called once. */
  readonly prepareUnits: (units: UnitOptions) => Promise<CompiledModel>;
  /** Compiles for steps of at most `batchSize` examples; called once. */
  readonly prepare: (batchSize: number) => Promise<CompiledModel>;
  /** The same with plain SGD, whose steps are the gradient. */
  readonly prepareGradient: (batchSize: number) => Promise<CompiledModel>;
}

/** A model with its optimizer, and the loop around it. Made by `compile`. */
export class Trainer {
  readonly #parts: TrainerParts;
  #params: ParamSet;
  /** Undefined: what the job's workflow asks for. */
  #correction: ParamSet | undefined;
  /** Whether the parameters were made with noise since they were set. */
  #isReleased = false;
  /** Since the parameters were set. */
  #steps = 0;
  #compiled: { readonly batchSize: number; readonly model: CompiledModel } | undefined;
  /** Pictures of a step when it was compiled, as asked for. */
  #asked = 0;

  constructor(parts: TrainerParts) {
    this.#parts = parts;
    this.#params = parts.params;
  }

  /**
   * Replaces all parameters, and sets the optimizer back to its start.
   * @throws NF_TENSORS_NAMES, NF_TENSORS_SHAPE if they are not those of the model
   */
  setParams(params: ParamSet): void {
    checkSameForm(params, this.#parts.params);
    this.#params = params;
    this.#isReleased = false;
    this.#steps = 0;
    this.#compiled?.model.setParams(params);
  }

  /** Copies of all parameters, by name. */
  getParams(): ParamSet {
    const params = this.#compiled?.model.getParams() ?? structuredClone(this.#params);
    if (this.#isReleased) noteReleased(params);
    return params;
  }

  /**
   * Trains on every example of `data`, `epochs` times. Same parameters, data, options and seed give the same result. In a private job it takes
   * the steps of the job instead, and tells no loss (NaN): that would be of the people who were drawn.
   * @throws NF_TRAIN_LOSS with epoch and step; NF_TRAIN_OPTION; as `requireFit` of the data
   */
  async fit(data: ExampleSet<unknown>, options: FitOptions): Promise<FitResult> {
    const epochs = checkNumber('epochs', options.epochs, { least: 1, whole: true }) ?? 1;
    if (!Number.isFinite(options.seed))
      throw optionError('seed', options.seed, 'a number, for example flare.seed()');
    if (data.size === 0) throw flError('NF_TRAIN_EMPTY');
    data.requireFit(this.#parts.form);
    if (this.#parts.options.privacy) return this.#fitPrivately(data, options);
    const { batchSize, model } = await this.#ready(data);
    const examples = await this.#seen(data);
    const losses: number[] = [];
    const steps = epochs * Math.ceil(data.size / batchSize);
    const rate = this.#warmedUp(
      scheduleOf(options.learningRate, { steps, otherwise: this.#parts.options.learningRate }),
    );
    const logitOffset = this.#offsetOn(data);
    const proximal = checkNumber('proximalMu', options.proximalMu, { least: 0 });
    if (this.#parts.options.compile.corrected) model.setCorrection(this.#correction ?? this.#wanted());
    const gradient = wantsGradient()
      ? await this.#gradientOn(examples, { batchSize, seed: options.seed, logitOffset })
      : undefined;
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const seed = deriveSeed('epoch', options.seed, epoch);
      const run = { epoch, epochs, seed, rate, batchSize, proximal, logitOffset };
      losses.push(await runEpoch(model, examples, run));
    }
    this.#steps += steps;
    noteSteps({ rates: sumOf(rate, steps), gradient });
    return { loss: losses.at(-1) ?? 0, losses, steps, images: epochs * data.size };
  }

  async #fitPrivately(data: ExampleSet<unknown>, options: FitOptions): Promise<FitResult> {
    const { options: own, units, trainable } = this.#parts;
    const { privacy: terms } = own;
    if (!terms || !units) throw new Error('The trainer is none of a private job');
    if (options.epochs !== undefined) {
      const steps = Math.max(1, Math.round(1 / terms.samplingRate));
      throw flError('NF_PRIVACY_EPOCHS', { key: 'epochs in fit', steps });
    }
    if (data.options.sampling === 'class_balanced')
      throw optionError(
        'sampling',
        'class_balanced',
        'shuffled in a private job, which draws people by chance',
      );
    const { model } = await this.#ready(data);
    const { steps } = await trainPrivately({
      model,
      data: requireGroups(await this.#seen(data)),
      terms,
      units,
      parameters: countOf(this.#params, trainable),
      rate: this.#warmedUp(
        scheduleOf(options.learningRate, { steps: terms.steps, otherwise: own.learningRate }),
      ),
      proximal: checkNumber('proximalMu', options.proximalMu, { least: 0 }),
    });
    this.#isReleased = true;
    this.#steps += steps;
    return { loss: Number.NaN, losses: [], steps, images: null };
  }

  /**
   * What is added to every gradient from now on, by trainable parameter: SCAFFOLD's c - c_i. Only with `corrected` given to
   * `compile`. Undefined sets it back to 0.
   * @throws NF_TENSORS_*, NF_TRAIN_OPTION
   */
  setCorrection(correction: ParamSet | undefined): void {
    if (!this.#parts.options.compile.corrected) {
      throw optionError('corrected', false, 'true for setCorrection');
    }
    this.#correction = correction;
    this.#compiled?.model.setCorrection(correction);
  }

  /** The mean gradient at the present parameters: one pass over the pictures as they are, from the same parameters at each batch. */
  async #gradientOn(
    data: ExampleSet<unknown>,
    { batchSize, seed, logitOffset }: Pick<Epoch, 'batchSize' | 'seed' | 'logitOffset'>,
  ): Promise<ParamSet> {
    const { trainable, prepareGradient } = this.#parts;
    const at = this.getParams();
    const model = await prepareGradient(batchSize);
    const sums = new Map(trainable.map((name) => [name, new Float64Array(at[name]?.data.length ?? 0)]));
    let step = 0;
    for await (const { x, y, size } of data.batches({ batchSize })) {
      model.setParams(at);
      const given = { x, y, size, learningRate: 1, ...(logitOffset && { logitOffset }) };
      await model.trainStep({ ...given, seed: deriveSeed('gradient', seed, step++) });
      const after = model.getParams();
      for (const [name, sum] of sums)
        addDifference(sum, { from: at[name], to: after[name], weight: size / data.size });
    }
    return Object.fromEntries(
      [...sums].map(([name, sum]) => [
        name,
        { dtype: 'float32', shape: [...(at[name]?.shape ?? [])], data: Float32Array.from(sum) } as const,
      ]),
    );
  }

  /** With the rise of the first steps since the parameters were set. */
  #warmedUp(rate: Schedule): Schedule {
    const before = this.#steps;
    const { warmupSteps } = this.#parts.options;
    return warmupSteps === 0 ? rate : (step) => rate(step) * Math.min(1, (before + step + 1) / warmupSteps);
  }

  /** What logit adjustment adds to the logits of these examples. */
  #offsetOn({ classCounts, options: { sampling } }: ExampleSet<unknown>): Float32Array | undefined {
    const { form, options } = this.#parts;
    const { tau, classPrior } = options;
    if (classPrior) requireClasses(classPrior, form);
    if (tau === 0) return undefined;
    if (sampling === 'class_balanced')
      throw optionError(
        'logitAdjustment',
        tau,
        '0 with class_balanced sampling, which shows all classes alike',
      );
    const counts = classPrior ?? classCounts;
    if (!counts) throw optionError('logitAdjustment', tau, '0 for examples that have no class each');
    return logitOffsets(counts, tau);
  }

  /** SCAFFOLD's c - c_i, of the parameters that are trained. */
  #wanted(): ParamSet | undefined {
    const all = wantedCorrection();
    if (!all) return undefined;
    return Object.fromEntries(
      this.#parts.trainable.flatMap((name) => (all[name] ? [[name, all[name]]] : [])),
    );
  }

  /** Scores the present parameters on `data`, without training or augmentation, in the way of its task. */
  async evaluate<Report>(data: ExampleSet<Report>): Promise<Report> {
    data.requireFit(this.#parts.form);
    const { model } = await this.#ready(data);
    return (await this.#seen(data)).score((x, size) => model.predict(x, size));
  }

  async #seen<Report>(data: ExampleSet<Report>): Promise<ExampleSet<Report>> {
    const { frozen, form } = this.#parts;
    if (!frozen) return data;
    if (data.seenBy) return data.seenBy(await frozen());
    throw flError('NF_TRAIN_MODEL', { name: form.name, found: 'pictures by a frozen network' });
  }

  /** Compiles at the first use, when the size of the batches is known. */
  async #ready(data: ExampleSet<unknown>): Promise<{ batchSize: number; model: CompiledModel }> {
    const { options, prepare, prepareUnits, units } = this.#parts;
    const asked = options.batchSize ?? data.options.batchSize;
    const batchSize = units ? units.units * units.rowsPerUnit : rowsOfStep(asked, data.size);
    if (this.#compiled && batchSize <= this.#compiled.batchSize) return { ...this.#compiled, batchSize };
    // Compiled for fewer rows than a step may have, it is compiled again for more pictures.
    if (this.#compiled && (units || asked > this.#asked))
      throw flError('NF_TRAIN_BATCH_SIZE', { compiled: this.#asked, data: asked });
    const model = await (units ? prepareUnits(units) : prepare(batchSize));
    model.setParams(this.#compiled?.model.getParams() ?? this.#params);
    this.#compiled = { batchSize, model };
    this.#asked = units ? batchSize : asked;
    return this.#compiled;
  }
}

function addDifference(
  sum: Float64Array,
  { from, to, weight }: { from: NdArray | undefined; to: NdArray | undefined; weight: number },
): void {
  for (let index = 0; index < sum.length; index++)
    sum[index] = (sum[index] ?? 0) + weight * ((from?.data[index] ?? 0) - (to?.data[index] ?? 0));
}

type Schedule = (step: number) => number;

function sumOf(rate: Schedule, steps: number): number {
  let sum = 0;
  for (let step = 0; step < steps; step++) sum += rate(step);
  return sum;
}

/** A learning rate for each step, checked when it is asked for. */
function scheduleOf(wish: unknown, of: { steps: number; otherwise: number }): Schedule {
  if (typeof wish !== 'function') {
    const rate = checkLearningRate(wish) ?? of.otherwise;
    return () => rate;
  }
  return (step) => checkNumber('learningRate', wish(step, of.steps), { least: 0 }) ?? of.otherwise;
}

interface Epoch {
  readonly epoch: number;
  readonly epochs: number;
  readonly seed: number;
  readonly rate: Schedule;
  readonly batchSize: number;
  readonly proximal: number | undefined;
  readonly logitOffset: Float32Array | undefined;
}

/** Mean loss over the examples. */
async function runEpoch(model: CompiledModel, data: ExampleSet<unknown>, run: Epoch): Promise<number> {
  const { epoch, epochs, seed, rate, batchSize, proximal, logitOffset } = run;
  const before = (epoch - 1) * Math.ceil(data.size / batchSize);
  const batches = data.batches({ batchSize, seed });
  let [sum, done, step] = [0, 0, 0];
  for (let next = await batches.next(); !next.done; step++) {
    const { x, y, size } = next.value;
    const learningRate = rate(before + step);
    const varying = {
      learningRate,
      ...(proximal !== undefined && { proximal }),
      ...(logitOffset && { logitOffset }),
    };
    const training = model.trainStep({ x, y, size, ...varying, seed: deriveSeed('step', seed, step) });
    // The next batch is put together while engines that compute on other threads work on this one.
    const [loss, following] = await Promise.all([training, batches.next()]);
    if (!Number.isFinite(loss)) throw flError('NF_TRAIN_LOSS', { loss, epoch, step: step + 1, learningRate });
    sum += loss * size;
    done += size;
    tellProgress({ phase: 'fit', epoch, epochs, done, total: data.size, loss: sum / done });
    next = following;
    await nextTurn();
  }
  return sum / done;
}
