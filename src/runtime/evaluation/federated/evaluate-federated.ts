import { basename } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { dimensionsOf } from '../../learning/models/spec.ts';
import type { FederatedEvaluation } from '../../run/federated-evaluation.ts';
import { findTargetRun } from '../../run/find-target-run.ts';
import type { RunSummary } from '../../run/run-report.ts';
import { describeRunIn } from '../../run/stored-runs.ts';
import type { EvaluateOptions, EvaluateResult } from '../evaluation-work.ts';
import { isModelFile, openTarget } from '../open-target.ts';
import { requireEvaluationPlace, writeJudgement } from '../write-evaluation.ts';
import { evaluationOfSites } from './evaluation-of-sites.ts';

/** What the sites of a run told, and what else it came to. */
interface ToldRun {
  readonly summary: RunSummary;
  readonly federated: FederatedEvaluation;
}

/**
 * The run that is to be judged by what its sites told: because that is asked for, or because its images lie nowhere else. Undefined: by images.
 * @throws NF_EVALUATE_NOT_TOLD where it is asked for, and the sites told nothing
 */
export async function toldRunOf({
  target,
  workspace,
  data,
  federated,
}: Pick<EvaluateOptions, 'target' | 'workspace' | 'data' | 'federated'>): Promise<ToldRun | undefined> {
  if (isModelFile(target) || (data !== undefined && !federated)) return undefined;
  const { folder, card } = await findTargetRun({ target, workspace });
  if (!federated && card.data !== null && card.job.workflow.type !== 'evaluation') return undefined;
  const summary = await describeRunIn(folder);
  const { federated_evaluation: told, status } = summary;
  if (told) return { summary, federated: told };
  if (federated || card.job.workflow.type === 'evaluation')
    throw flError('NF_EVALUATE_NOT_TOLD', { run: basename(folder.root), status });
  return undefined;
}

/** Judges the model of a run by what its sites told, and writes `evaluation.json`. @throws NF_PATH_LINK, NF_EVALUATE_* */
export async function evaluateFederated(
  { summary, federated }: ToldRun,
  options: Pick<EvaluateOptions, 'target' | 'workspace' | 'job' | 'out'>,
): Promise<EvaluateResult> {
  const target = await openTarget({ ...options, which: 'final' });
  if (target.task !== 'classification')
    throw flError('NF_EVALUATE_CLASSES', {}, { place: { key: 'model.classes' } });
  await requireEvaluationPlace(target, options);
  const { file, spec, classes } = target;
  const model = {
    file,
    type: spec.type,
    imageSize: spec.image_size,
    dimensions: dimensionsOf(spec),
    classes,
  };
  const evaluation = evaluationOfSites(federated, model, summary);
  const folder = await writeJudgement(evaluation, { target, options });
  return { folder, evaluation };
}

/** Judges the model of a run in a folder by what its sites told. @throws as `evaluateFederated`, and NF_EVALUATE_NOT_TOLD */
export async function judgeByTold(folder: string): Promise<EvaluateResult> {
  const wish = { target: folder, workspace: '', job: undefined, out: undefined } as const;
  const told = await toldRunOf({ ...wish, data: undefined, federated: true });
  if (!told) throw new Error('It was asked for.');
  return evaluateFederated(told, wish);
}
