import { z } from 'zod';
import { numberAt } from '../../base/at.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { TaskForm } from '../task.ts';
import { type Answer, type Federation, type Payload, WITHOUT_FAILED } from '../workflow.ts';
import { CURVE, CURVES, judgedIn, TEST } from './tasks.ts';

/** Of all sites: validation images, and their losses at each temperature, added. */
export const curvesSchema = z.strictObject({
  version: z.literal(1),
  images: z.int().min(0),
  losses: z.array(z.number()).max(1000),
});
export type Curves = z.output<typeof curvesSchema>;

const curveAnswer = z.object({ images: z.int().min(0).max(1e9), losses: z.array(z.number()).max(1000) });

/** Undefined: the text is none. */
export function parseCurves(text: string): Curves | undefined {
  return curvesSchema.safeParse(parseJson(text)).data;
}

interface Wish {
  readonly round: number;
  readonly sites: readonly string[];
  /** The model that is judged. */
  readonly inputs: Payload;
  readonly when: TaskForm['when'];
}

/**
 * Each site judges a model on its own test images and tells sums, which are values of its answer. Before that losses on validation images are
 * added, by which sites find one temperature. A site that cannot take part is left out.
 * @returns what the sites told; nothing where none can
 */
export async function evaluateAtSites(
  federation: Pick<Federation, 'exchange' | 'keep'>,
  { round, sites, inputs, when }: Wish,
): Promise<readonly Answer[]> {
  const about = judgedIn(when);
  const told = await federation.exchange({ name: CURVE, round, ...about, inputs }, sites, WITHOUT_FAILED);
  if (told.length === 0) return [];
  const value = addCurves(told);
  const given = value ? await federation.keep({ round, name: CURVES, value, base: inputs }) : inputs;
  const able = told.map(({ site }) => site);
  return federation.exchange({ name: TEST, round, ...about, inputs: given }, able, WITHOUT_FAILED);
}

/** In site order; undefined where no site has told any. */
function addCurves(answers: readonly Answer[]): Curves | undefined {
  const curves = answers.flatMap(({ values }) => curveAnswer.safeParse(values?.curve).data ?? []);
  const [first] = curves;
  if (!first) return undefined;
  const alike = curves.filter(({ losses }) => losses.length === first.losses.length);
  return {
    version: 1,
    images: alike.reduce((sum, { images }) => sum + images, 0),
    losses: first.losses.map((_, at) => alike.reduce((sum, { losses }) => sum + numberAt(losses, at), 0)),
  };
}
