import type { RunPlan } from '../../job/plan.ts';
import type { RunEvent } from '../../run/events.ts';
import type { RunHistory } from '../../run/history.ts';
import type { Journal } from '../../run/journal.ts';
import type { RunCard } from '../../run/run-card.ts';
import type { RunFiles } from '../../run/run-files.ts';
import type { RunFolder } from '../../run/run-folder.ts';

/** A run whose folder is ours, with everything its coordinator needs. */
export interface ActiveRun {
  readonly card: RunCard;
  readonly plan: RunPlan;
  readonly folder: RunFolder;
  readonly files: RunFiles;
  readonly journal: Journal<RunEvent>;
  readonly history: RunHistory;
  /** The finished run that this one begins from, in words. */
  readonly goesOnFrom?: string | undefined;
  release(): Promise<void>;
}
