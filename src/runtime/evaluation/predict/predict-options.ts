import type { Progress } from '../../base/logging/progress.ts';
import type { TargetWish } from '../open-target.ts';
import type { EngineWish } from './predictor.ts';

/** What is predicted, and by what. */
export interface PredictOptions extends TargetWish {
  readonly inputs: readonly string[];
  readonly slices: number;
  readonly mirror: boolean;
  readonly engine: EngineWish;
  /** Undefined: as the training images were prepared. */
  readonly headMask: boolean | undefined;
  /** That the images are of, where the run's pictures were harmonised. */
  readonly site: string | undefined;
  /** Folder to write; undefined writes nothing. */
  readonly out: string | undefined;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}
