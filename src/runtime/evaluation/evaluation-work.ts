import type { Partition } from '../../preprocess/split/manifest.ts';
import type { Progress } from '../base/logging/progress.ts';
import type { ControlScores } from '../learning/controls/control-data.ts';
import type { ImageSetOptions } from '../learning/dataset/image-set.ts';
import type { ClassTarget, TargetWish } from './open-target.ts';
import type { EngineWish, Predictor } from './predict/predictor.ts';
import type { Evaluation } from './result.ts';
import type { EvaluationData, EvaluationRow } from './site-data.ts';

export interface EvaluateOptions extends TargetWish {
  /** BIDS folder; default: that of the run. */
  readonly data: string | undefined;
  readonly split: string | undefined;
  /** By what the sites of the run told of their own test images. */
  readonly federated?: boolean;
  readonly part: Exclude<Partition, 'train'>;
  readonly engine: EngineWish;
  /** Axial slices of a volume, as in training. */
  readonly slices: number;
  /** Whether predictions are averaged over mirror images, as in training. */
  readonly mirror: boolean;
  /** Whether the controls are trained and tested, too. */
  readonly controls: boolean;
  /** What controls came to on the images of other runs, to which theirs are added: runs of one split share them. */
  readonly knownControls?: Map<string, Promise<ControlScores>>;
  /** Worst predictions that are drawn. */
  readonly cases: number;
  /** Whether a model of classes is asked about pictures with a part masked, and how many are unlike those of training. Default: true. */
  readonly masked?: boolean;
  readonly seed: number;
  readonly replicates: number;
  /** Folder to write into; default: `evaluation` beside the model. */
  readonly out: string | undefined;
  readonly jobs: number;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** Where an evaluation lies, and what it says. */
export interface EvaluateResult {
  readonly folder: string;
  readonly evaluation: Evaluation;
}

/** Everything that one evaluation of classes works with. */
export interface EvaluationWork {
  readonly options: EvaluateOptions;
  readonly target: ClassTarget;
  readonly data: EvaluationData;
  readonly predictor: Predictor;
  readonly images: ImageSetOptions;
  readonly tested: readonly EvaluationRow[];
  readonly progress: Progress;
}
