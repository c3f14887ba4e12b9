import type { EngineUse } from '../telemetry/run-events.ts';

/** What the runner decides for all scripts of this thread: which engine computes, and who hears of it. */
export interface TrainingSettings {
  readonly choice: 'auto' | 'ort' | 'tensorflow' | 'cpu';
  /** Devices as the user named them, e.g. `0`; undefined asks for none. */
  readonly gpu: string | undefined;
  /** Stop rather than compute on the CPU. */
  readonly requireGpu: boolean;
  /** Batches of the present task. */
  readonly onProgress: (step: { done: number; total: number }) => void;
  /** The engine that was chosen, once it is. */
  readonly onEngine: (engine: EngineUse) => void;
}

const DEFAULTS: TrainingSettings = {
  choice: 'auto',
  gpu: undefined,
  requireGpu: false,
  onProgress: () => undefined,
  onEngine: () => undefined,
};

let settings = DEFAULTS;

/** Sets this thread's settings; light on purpose, so that a job without tensors loads no engine. */
export function configureTraining(changes: Partial<TrainingSettings>): void {
  settings = { ...settings, ...changes };
}

export function trainingSettings(): TrainingSettings {
  return settings;
}
