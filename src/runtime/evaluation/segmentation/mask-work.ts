import type { Progress } from '../../base/logging/progress.ts';
import type { VolumeSet } from '../../learning/dataset/volume-set.ts';
import type { EvaluateOptions } from '../evaluation-work.ts';
import type { MaskTarget } from '../open-target.ts';
import type { Predictor } from '../predict/predictor.ts';
import type { EvaluationData, PlacedPerson } from '../site-data.ts';
import type { LesionRules } from './rules.ts';

/** Everything that one evaluation of masks works with. */
export interface MaskWork {
  readonly options: EvaluateOptions;
  readonly target: MaskTarget;
  readonly data: EvaluationData<PlacedPerson>;
  readonly predictor: Predictor;
  /** In the order of the subjects of `tested`. */
  readonly people: readonly PlacedPerson[];
  readonly tested: VolumeSet;
  readonly rules: LesionRules;
  readonly notes: readonly string[];
  readonly progress: Progress;
}
