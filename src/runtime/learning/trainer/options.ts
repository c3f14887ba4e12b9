import { flError } from '../../base/errors/errors.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { checkKeys, checkNumber, optionError } from '../check-option.ts';
import type { CompileOptions, LossOptions, OptimizerOptions } from '../engine/engine.ts';
import { checkPrior } from './class-prior.ts';
import { wantedCorrection } from './control-variates.ts';
import { type PrivateTerms, wantedPrivacy } from './private-settings.ts';
import { wantedProximal } from './settings.ts';

/** How a model is trained. Numbers are checked when `compile` is called, so they may come from `flare.args()` as they are. */
export interface TrainerOptions {
  /** Name of an optimizer, or one with its own settings. Default `adam`. */
  readonly optimizer?: OptimizerOptions['kind'] | OptimizerOptions;
  /** Step size, over 0. Default 0.001. */
  readonly learningRate?: unknown;
  /** Decoupled weight decay, for an optimizer given by name. Default: that of the optimizer. */
  readonly weightDecay?: unknown;
  /** Name of a loss, or one with its own settings. Default: softmax cross entropy; of a U-Net with soft Dice added. */
  readonly loss?: Exclude<LossOptions['kind'], 'custom'> | LossOptions;
  /** In [0, 1), of cross entropies. Default 0. */
  readonly labelSmoothing?: unknown;
  /**
   * Tau of logit adjustment: tau times the logarithm of each class's share is added to the logits in training, and not in prediction, so that a
   * model of lopsided sites leans to no class for being common (Menon et al., 2021); 1 is the paper's. Default 0: none.
   */
  readonly logitAdjustment?: unknown;
  /** Those shares, as a list of numbers in their proportion, one a class: those of all sites. Default: the site's own training part. */
  readonly classPrior?: unknown;
  /** Steps over which the learning rate rises to its height, evenly, after each `setParams` (Goyal et al., 2017). Default 0. */
  readonly warmupSteps?: unknown;
  /** FedProx's mu, the pull towards the received model (Li et al., 2020). Default: that of the job's workflow, else 0. */
  readonly proximalMu?: unknown;
  /** Largest norm of a step's gradient over all weights; longer ones are scaled down. Default: none. */
  readonly clipNorm?: unknown;
  /** Whether `setCorrection` will be used, for SCAFFOLD's control variates (Karimireddy et al., 2020). Default: whether the job's workflow is SCAFFOLD. */
  readonly corrected?: boolean;
  /**
   * Train operation by operation on another engine where the run's has no mapping for a kernel of the model: slow, and said in the
   * log. Default false: an error with the kernel and the layer.
   */
  readonly allowEager?: boolean;
  /** In a private job `flare.privacy()`: gradients of people are clipped, and noise is added. Its answer takes no other model. */
  readonly privacy?: PrivateTerms | undefined;
  /** Pictures in a step; default: that of the data set. */
  readonly batchSize?: unknown;
  /**
   * Of a model on a pretrained network: in how many ways a training picture is shown to it, whose features are kept. As it is, mirrored
   * where the data set flips pictures, and changed as the data set says for the rest. Default: the first, or the first two.
   */
  readonly views?: unknown;
}

export interface CheckedOptions {
  readonly learningRate: number;
  readonly batchSize: number | undefined;
  readonly allowEager: boolean;
  readonly privacy: PrivateTerms | undefined;
  readonly views: number | undefined;
  /** Of logit adjustment; 0: none. */
  readonly tau: number;
  readonly classPrior: readonly number[] | undefined;
  readonly warmupSteps: number;
  readonly compile: Omit<CompileOptions, 'batchSize'>;
}

const OPTIMIZERS = ['sgd', 'momentum', 'adam', 'adamw', 'rmsprop'] as const;
const LOSSES = [
  ...(['softmax-cross-entropy', 'sigmoid-cross-entropy', 'mean-squared-error'] as const),
  ...(['dice', 'dice-cross-entropy', 'custom'] as const),
];
const KEYS = [
  ...['optimizer', 'learningRate', 'weightDecay', 'loss', 'labelSmoothing'],
  ...['proximalMu', 'clipNorm', 'corrected', 'allowEager', 'batchSize', 'privacy', 'views'],
  ...['logitAdjustment', 'classPrior', 'warmupSteps'],
];

/**
 * @param usual the loss where the options name none
 * @throws NF_TRAIN_OPTION naming the option, its value and what it must be
 */
export function checkOptions(options: TrainerOptions, usual: LossOptions): CheckedOptions {
  checkKeys(options, KEYS);
  const weightDecay = checkNumber('weightDecay', options.weightDecay, { least: 0 });
  const smoothing = checkNumber('labelSmoothing', options.labelSmoothing, { least: 0, below: 1 });
  const tau = checkNumber('logitAdjustment', options.logitAdjustment, { least: 0 }) ?? 0;
  const privacy = checkPrivacy(options.privacy);
  if (privacy && tau > 0)
    throw optionError(
      'logitAdjustment',
      tau,
      '0 in a private job: no noise is added to the shares of classes',
    );
  const proximal = checkNumber('proximalMu', options.proximalMu, { least: 0 }) ?? wantedProximal();
  const corrected = options.corrected ?? (wantedCorrection() ? true : undefined);
  const clipNorm = checkNumber('clipNorm', options.clipNorm, { above: 0 });
  return {
    learningRate: checkLearningRate(options.learningRate) ?? 0.001,
    batchSize: checkNumber('batchSize', options.batchSize, { least: 1, whole: true }),
    allowEager: options.allowEager === true,
    views: checkNumber('views', options.views, { least: 1, whole: true }),
    privacy,
    tau,
    classPrior: checkPrior(options.classPrior),
    warmupSteps: checkNumber('warmupSteps', options.warmupSteps, { least: 0, whole: true }) ?? 0,
    compile: {
      optimizer: findOptimizer(options.optimizer, weightDecay),
      loss: adjusted(findLoss(options.loss ?? usual, smoothing), tau),
      ...(proximal !== undefined && { proximal }),
      ...(clipNorm !== undefined && { clipNorm }),
      ...(corrected !== undefined && { corrected }),
    },
  };
}

/** What a script made up itself is no promise of its job. */
function checkPrivacy(terms: PrivateTerms | undefined): PrivateTerms | undefined {
  if (terms === undefined || terms === wantedPrivacy()) return terms;
  throw optionError('privacy', terms, 'what flare.privacy() gave in this task');
}

export function checkLearningRate(value: unknown): number | undefined {
  return checkNumber('learningRate', value, { above: 0 });
}

function findLoss(wish: NonNullable<TrainerOptions['loss']>, smoothing: number | undefined): LossOptions {
  const loss = typeof wish === 'string' ? { kind: wish } : wish;
  if (!LOSSES.includes(loss.kind)) {
    const problem = `'${String(loss.kind)}' is none of ${LOSSES.join(', ')}.${didYouMean(String(loss.kind), LOSSES)}`;
    throw flError('NF_TRAIN_OPTION', { name: 'loss', problem });
  }
  if (smoothing === undefined) return loss;
  if (loss.kind === 'softmax-cross-entropy' || loss.kind === 'sigmoid-cross-entropy')
    return { ...loss, labelSmoothing: smoothing };
  throw optionError('labelSmoothing', smoothing, `taken by the loss ${loss.kind}`);
}

function adjusted(loss: LossOptions, tau: number): LossOptions {
  if (tau === 0) return loss;
  if (loss.kind === 'softmax-cross-entropy') return { ...loss, adjusted: true };
  throw optionError('logitAdjustment', tau, `0, as the loss ${loss.kind} must have it`);
}

function findOptimizer(
  wish: TrainerOptions['optimizer'] = 'adam',
  weightDecay: number | undefined,
): OptimizerOptions {
  const kind = typeof wish === 'string' ? wish : wish.kind;
  if (!OPTIMIZERS.includes(kind)) {
    const problem = `'${String(kind)}' is none of ${OPTIMIZERS.join(', ')}.${didYouMean(String(kind), OPTIMIZERS)}`;
    throw flError('NF_TRAIN_OPTION', { name: 'optimizer', problem });
  }
  if (typeof wish !== 'string') return wish;
  return { kind: wish, ...(weightDecay !== undefined && { weightDecay }) };
}
