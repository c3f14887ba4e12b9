import { z } from 'zod';
import { flError } from '../base/errors/errors.ts';
import { readInputText } from '../base/files/read-file.ts';
import { type ClassEvaluation, classEvaluationSchema } from './class-result.ts';
import { type EstimateFigure, estimateSchema } from './result-parts.ts';
import { maskEvaluationSchema } from './segmentation/mask-result.ts';

/** What `evaluate` found: `evaluation.json`. */
export const evaluationSchema = z.union([maskEvaluationSchema, classEvaluationSchema]);
export type Evaluation = z.output<typeof evaluationSchema>;

/** The folder beside a model, and what it holds. */
export const EVALUATION_FOLDER = 'evaluation';
export const EVALUATION_FILE = 'evaluation.json';
export const PREDICTIONS_FILE = 'predictions.tsv';

/** Two models on the same people, compared within each draw of groups. */
export const pairedSchema = z.object({
  subjects: z.int(),
  groups: z.int(),
  own: estimateSchema,
  other: estimateSchema,
  lead: estimateSchema.describe('own minus other'),
  worse_by_at_most: z
    .number()
    .nullable()
    .describe('one-sided 95 % upper bound of other minus own: not inferior where it is under the margin'),
});
export type Paired = z.output<typeof pairedSchema>;

/** @throws NF_PATH_MISSING, NF_EVALUATE_FILE */
export async function readEvaluation(path: string): Promise<Evaluation> {
  const text = await readInputText(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Evaluation', path }, { place: { file: path }, cause });
  });
  try {
    const found: unknown = JSON.parse(text);
    const schema = isOfMasks(found) ? maskEvaluationSchema : classEvaluationSchema;
    return schema.parse(found);
  } catch (cause) {
    const detail =
      cause instanceof z.ZodError ? z.prettifyError(cause).split('\n')[0] : (cause as Error).message;
    throw flError('NF_EVALUATE_FILE', { path, detail: detail ?? '' }, { place: { file: path }, cause });
  }
}

/** Told before it is checked, so that the fault is one of the form it has. */
function isOfMasks(found: unknown): boolean {
  return typeof found === 'object' && found !== null && 'task' in found && found.task === 'segmentation';
}

/** An evaluation of classes. @throws NF_EVALUATE_FILE, for one of something else, too */
export async function readClassEvaluation(path: string): Promise<ClassEvaluation> {
  const evaluation = await readEvaluation(path);
  if (evaluation.task === 'classification') return evaluation;
  const detail = `it judges a ${evaluation.task}`;
  throw flError('NF_EVALUATE_FILE', { path, detail }, { place: { file: path } });
}

/** The one figure that a model is held against others by, and what it is. */
export const HEADLINE_FIGURES = ['balanced_accuracy', 'dice'] as const;
export type HeadlineName = (typeof HEADLINE_FIGURES)[number];

export function headlineFigure(evaluation: Evaluation): {
  readonly metric: HeadlineName;
  readonly figure: EstimateFigure;
} {
  return evaluation.task === 'segmentation'
    ? { metric: 'dice', figure: evaluation.headline.dice }
    : { metric: 'balanced_accuracy', figure: evaluation.headline.balanced_accuracy };
}
