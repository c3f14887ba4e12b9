/** One step of long work, as it happens; a terminal draws a bar from it, a log a line now and then. */
export interface ProgressStep {
  /** What is counted, e.g. `images`. */
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** Sizes are shown as such; default: a plain number. */
  readonly unit?: 'bytes';
}

export type Progress = (step: ProgressStep) => void;

/** For callers that do not watch. */
export const noProgress: Progress = () => undefined;
