import type { z } from 'zod';
import { numberAt } from '../../base/at.ts';
import { flError } from '../../base/errors/errors.ts';
import { sum } from '../../base/sum.ts';
import { firstOf } from '../../base/text/first-of.ts';
import { taskId } from '../task.ts';
import type { Answer, Federation, Payload } from '../workflow.ts';
import { areConnected, type EffectSums, fitCombat } from './combat.ts';
import { type Harmonisation, type Method, type PictureForm, recordOf } from './record.ts';
import { boundedEffects, boundedScale, type EffectsAnswer, effectsAnswer, scaleAnswer } from './sums.ts';
import { EFFECTS, formText, HARMONISATION, type HarmoniseTask, harmoniseTaskOf, SCALE } from './tasks.ts';

interface Wish {
  readonly method: Method;
  readonly round: number;
  readonly sites: readonly string[];
  /** workflow.max_weight_ratio */
  readonly ratio: number;
}

/** Asks sites for their sums, and adds what follows from them to what their next tasks begin with. */
export async function harmonise(
  federation: Pick<Federation, 'exchange' | 'keep'>,
  base: Payload,
  { method, round, sites, ratio }: Wish,
): Promise<Payload> {
  const name = harmoniseTaskOf(method);
  const answers = await federation.exchange({ name, round, inputs: base }, sites);
  const found = method === 'nyul' ? scaleOf(answers, round, ratio) : effectsOf(answers, round, ratio);
  return federation.keep({ round, name: HARMONISATION, base, ...found });
}

interface Found {
  readonly value: Harmonisation;
  readonly notes: readonly string[];
}

interface Sender {
  readonly task: HarmoniseTask;
  readonly round: number;
}

function scaleOf(answers: readonly Answer[], round: number, ratio: number): Found {
  const sender = { task: SCALE, round } as const;
  const own = answers.map((answer) => sumsIn(answer, scaleAnswer, sender));
  const length = own[0]?.sums.length ?? 0;
  requireLengths(
    answers,
    own.map(({ sums }) => [sums.length]),
    { ...sender, length },
  );
  const { parts, notes } = boundedScale(own, { ratio, sites: answers.map(({ site }) => site) });
  const sums = Array.from({ length }, (_, at) => sum(parts.map((one) => numberAt(one.sums, at))));
  const landmarks = { images: sum(parts.map(({ images }) => images)), sums };
  return {
    value: recordOf({ method: 'nyul', form: sameForm(answers, own), landmarks, effects: null }),
    notes,
  };
}

function effectsOf(answers: readonly Answer[], round: number, ratio: number): Found {
  const sender = { task: EFFECTS, round } as const;
  const own = answers.map((answer) => sumsIn(answer, effectsAnswer, sender));
  const form = sameForm(answers, own);
  const length = own[0]?.squares.length ?? 0;
  const classes = own[0]?.classes.length ?? 0;
  requireLengths(
    answers,
    own.map(({ classes: each, squares }) => [
      squares.length,
      ...each.flatMap((one) => one?.sums.length ?? []),
    ]),
    { ...sender, length },
  );
  requireLengths(
    answers,
    own.map((one) => [one.classes.length]),
    { ...sender, length: classes },
  );
  const given = own.map((one, at) => effectSums(answers[at]?.site ?? '', one));
  requireCompared(given);
  const { parts, notes } = boundedEffects(given, { ratio, sites: given.map(({ site }) => site) });
  const fit = fitCombat(parts);
  if (fit.deviations.every((deviation) => deviation === 0)) throw flError('NF_HARMONISE_CONSTANT');
  const sites = fit.sites.map(({ site, location, variance }, at) => {
    const gain = variance.map((value) => 1 / Math.sqrt(value));
    const offset = gain.map((factor, landmark) => {
      const mean = numberAt(fit.means, landmark);
      return mean - (mean + numberAt(location, landmark) * numberAt(fit.deviations, landmark)) * factor;
    });
    return [
      site,
      { images: [...(given[at]?.pictures ?? [])], gain: gain.map(rounded), offset: offset.map(rounded) },
    ] as const;
  });
  const effects = { means: fit.means.map(rounded), sites: Object.fromEntries(sites) };
  return { value: recordOf({ method: 'combat', form, landmarks: null, effects }), notes };
}

/** Zeros in place of what a site does not tell. */
function effectSums(site: string, { classes, squares }: EffectsAnswer): EffectSums {
  return {
    site,
    pictures: classes.map((one) => one?.images ?? 0),
    sums: classes.map((one) => one?.sums ?? squares.map(() => 0)),
    squares,
  };
}

/**
 * Sites of which none has a class in common with the others: what is the scanner and what the class nobody can say.
 * @throws NF_HARMONISE_CONFOUNDED, NF_HARMONISE_ALONE, NF_HARMONISE_FEW
 */
export function requireCompared(given: readonly Pick<EffectSums, 'site' | 'pictures'>[]): void {
  const [first] = given;
  if (given.length < 2) throw flError('NF_HARMONISE_ALONE', { site: first?.site ?? 'no site' });
  const sites = firstOf(given.map(({ site }) => site));
  if (!areConnected(given.map(({ pictures }) => pictures)))
    throw flError('NF_HARMONISE_CONFOUNDED', { sites });
}

/** Greys are whole numbers. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** @throws NF_PAYLOAD_FORM */
function sumsIn<Schema extends z.ZodType>(
  { site, values }: Answer,
  schema: Schema,
  sender: Sender,
): z.output<Schema> {
  const { success, data } = schema.safeParse(values?.sums);
  if (success) return data;
  throw misshapen(site, sender);
}

function requireLengths(
  answers: readonly Answer[],
  lengths: readonly (readonly number[])[],
  { length, ...sender }: Sender & { readonly length: number },
): void {
  const wrong = lengths.findIndex((own) => own.some((one) => one !== length));
  if (wrong >= 0) throw misshapen(answers[wrong]?.site ?? '', sender);
}

function misshapen(site: string, { task: name, round }: Sender) {
  const params = {
    file: 'sums',
    task: taskId({ name, round, site }),
    reason: 'it has not the form of such sums',
  };
  return flError('NF_PAYLOAD_FORM', params, { place: { site, round } });
}

/** @throws NF_HARMONISE_PICTURES */
function sameForm(answers: readonly Answer[], own: readonly { readonly form: PictureForm }[]): PictureForm {
  const [first, ...rest] = own;
  if (!first) throw new Error('Nobody has answered.');
  const expected = formText(first.form);
  for (const [at, { form }] of rest.entries()) {
    const actual = formText(form);
    const what = answers[at + 1]?.site ?? '';
    if (actual !== expected)
      throw flError('NF_HARMONISE_PICTURES', { what, actual, expected }, { place: { site: what } });
  }
  return first.form;
}
