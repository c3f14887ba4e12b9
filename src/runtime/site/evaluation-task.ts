import { parseCurves } from '../algorithms/evaluation/evaluate-sites.ts';
import { CURVE, CURVES, type EvaluationTask } from '../algorithms/evaluation/tasks.ts';
import { LEAST_PEOPLE } from '../base/least-people.ts';
import { judgeSite, siteCurve } from '../learning/judging/judge-site.ts';
import { parseModelSpec, requireClassifier } from '../learning/models/spec.ts';
import type { SessionContext, SessionResult } from './client-api/session.ts';

/** Answers one of the tasks of an evaluation at the sites. @throws as `judgeSite` */
export async function answerEvaluation(
  task: EvaluationTask,
  { data, model, params, files, leastPeople = LEAST_PEOPLE }: SessionContext,
): Promise<SessionResult> {
  const spec = requireClassifier(parseModelSpec(model));
  const { classes } = spec;
  // Jobs without them are refused before.
  if (!data || !classes) throw new Error('The job names no data or no classes.');
  const asked = { spec, classes, params, leastPeople };
  const nothing = { files: {}, paramsType: 'FULL', state: undefined } as const;
  if (task === CURVE) {
    const curve = await siteCurve(data, asked);
    return { ...nothing, values: { curve }, metrics: {}, numExamples: 1 };
  }
  const given = files[CURVES];
  const curves = given instanceof Uint8Array ? parseCurves(new TextDecoder().decode(given)) : undefined;
  const { sums, metrics } = await judgeSite(data, { ...asked, curves });
  return { ...nothing, values: { sums }, metrics: { ...metrics }, numExamples: metrics.num_examples };
}
