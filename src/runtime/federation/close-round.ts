import { partsOfTask } from '../algorithms/task.ts';
import type { KeptModels, Payload } from '../algorithms/workflow.ts';
import type { RunEvent } from '../run/events.ts';
import { contestAfter, type RunHistory, reportsNow } from '../run/history.ts';
import { keptFiles } from '../run/kept-files.ts';
import { missingKeyMetric } from '../run/key-metric.ts';
import { spentFiles } from '../run/live-files.ts';
import { boundedCounts, leftOut, poolReports } from '../run/pool-reports.ts';
import type { RunFiles } from '../run/run-files.ts';
import type { CoordinatorRules } from './coordinator-rules.ts';

type Closed = RunEvent & { readonly type: 'round.closed' };

interface Closing {
  readonly round: number;
  /** The new global payload, where the round has made one. */
  readonly made: Payload | undefined;
  readonly kept: KeptModels | undefined;
  /** Sentences for people. */
  readonly notes: readonly string[];
}

interface ClosingDeps {
  readonly rules: CoordinatorRules;
  /** Of sentences for people those that were not said before. */
  readonly news: (notes: readonly string[]) => readonly string[];
}

/** What a round has come to: figures of the model that its sites received, the best model so far, and what people should know. */
export function closedRound(
  before: RunHistory,
  { round, made, kept, notes }: Closing,
  { rules, news }: ClosingDeps,
): Closed {
  const reports = reportsNow(before);
  const metrics = poolReports(reports, rules);
  const { best, standIn } = contestAfter(before, metrics);
  const chosen = { ...(best && { best: best.model }), ...(standIn && { stand_in: standIn.model }) };
  const said = news([
    ...notes,
    ...before.made.flatMap(({ notes }) => notes),
    ...boundedCounts(reports, rules.maxWeightRatio),
    ...leftOut(reports),
    ...missingKeyMetric(reports, rules.keyMetric),
  ]);
  const { model, ...own } = made ?? {};
  const state = { ...own, ...(kept && keptFiles(kept)) };
  return {
    type: 'round.closed',
    round,
    kind: isTraining(before, rules) ? 'train' : 'evaluate',
    metrics,
    ...(model && { model }),
    ...(Object.keys(state).length > 0 && { state }),
    chosen,
    ...(said.length > 0 && { notes: said }),
  };
}

/** Removes what nobody needs any more once a round is closed. */
export async function clearRound(
  files: RunFiles,
  { round, made, kept }: Closing,
  { before, after }: { readonly before: RunHistory; readonly after: RunHistory },
): Promise<void> {
  const spent = spentFiles(before, after);
  // A longer run goes on from before the last scoring, with what there was then: only what was made in the scoring goes.
  const isOfScoring = (path: string) =>
    before.made.some(({ payload }) => Object.values(payload).some((file) => file.path === path)) ||
    before.exchanges.some(({ accepted }) => accepted.some(({ state }) => state?.path === path));
  await files.discard(made ? spent : spent.filter(({ path }) => isOfScoring(path)));
  // Where sites are at work yet, what they are sending is not to be cleared away.
  const keep = new Set(Object.values(kept?.answers ?? {}).map(({ path }) => path));
  if (after.asked.length === 0) await files.closeRound(round, membersOf(before), keep);
}

function isTraining({ exchanges, taken }: RunHistory, { tasks }: CoordinatorRules): boolean {
  const names = [
    ...exchanges.map(({ opened }) => opened.name),
    ...taken.map(({ task }) => partsOfTask(task).name),
  ];
  return names.length === 0 || names.some((name) => tasks[name]?.when === 'training');
}

function membersOf({ exchanges }: RunHistory): string[] {
  return [...new Set(exchanges.flatMap(({ opened }) => opened.sites))];
}
