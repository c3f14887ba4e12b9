/** Softmax regression on clusters of made points: what a site of this job learns, and what one that attacks sends in its place. */

export const FEATURES = 32;
export const CLASSES = 8;

export type Attack = 'none' | 'sign_flip' | 'label_flip' | 'scaled';

export interface Model {
  /** By feature and class, row by row. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

interface Example {
  readonly point: Float64Array;
  readonly label: number;
}

export interface SiteData {
  readonly train: readonly Example[];
  readonly test: readonly Example[];
}

const EXAMPLES = { train: 80, test: 40 } as const;
/** Of the centres, beside noise of 1 along each feature. */
const SPREAD = 0.7;
const STEPS = 3;
const RATE = 0.01;
/** What a scaled update is multiplied by. */
const BOOST = 20;
/** Examples that an attacker says it has, as a multiple of what it has. */
const CLAIM = 10;

interface Wish {
  readonly features?: number;
  /** Noise along the first quarter of the features, as a multiple of that along the others: the more, the more rounds it takes. */
  readonly stretch?: number;
}

/** The data of a site, the same whenever it is asked for. @param site from 1 */
export function dataOf(site: number, { features = FEATURES, stretch = 1 }: Wish = {}): SiteData {
  const shared = normals(12_345);
  const centres = Array.from({ length: CLASSES }, () => drawn(shared, { size: SPREAD, features }));
  const own = normals(site);
  const example = (_: unknown, at: number): Example => {
    const label = at % CLASSES;
    const noise = drawn(own, { size: 1, features });
    const sizeOf = (feature: number) => (feature < features / 4 ? stretch : 1);
    const point = noise.map((value, feature) => sizeOf(feature) * value + (centres[label]?.[feature] ?? 0));
    return { label, point };
  };
  return {
    train: Array.from({ length: EXAMPLES.train }, example),
    test: Array.from({ length: EXAMPLES.test }, example),
  };
}

/** Share of the examples whose label has the largest score. */
export function accuracyOf(model: Model, examples: readonly Example[]): number {
  const right = examples.filter(({ point, label }) => {
    const chances = chancesOf(model, point);
    return chances.indexOf(Math.max(...chances)) === label;
  });
  return right.length / examples.length;
}

/** What a site sends: the trained model, and how many examples it says that it has. */
export function answerOf(
  received: Model,
  { train }: SiteData,
  { attack, rate = RATE }: { readonly attack: Attack; readonly rate?: number },
): { readonly model: Model; readonly numExamples: number } {
  const isFlipped = attack === 'label_flip' || attack === 'scaled';
  const examples = isFlipped
    ? train.map(({ point, label }) => ({ point, label: (label + 1) % CLASSES }))
    : train;
  const trained = trainedOn(received, examples, rate);
  if (attack === 'none') return { model: trained, numExamples: train.length };
  const factor = attack === 'sign_flip' ? -1 : attack === 'scaled' ? BOOST : 1;
  const away = (before: Float32Array, after: Float32Array) =>
    before.map((value, at) => value + factor * ((after[at] ?? 0) - value));
  return {
    model: {
      weights: away(received.weights, trained.weights),
      bias: away(received.bias, trained.bias),
    },
    numExamples: CLAIM * train.length,
  };
}

/** Some steps down the gradient of the cross entropy over all examples. */
function trainedOn(received: Model, examples: readonly Example[], rate: number): Model {
  const model = { weights: received.weights.slice(), bias: received.bias.slice() };
  for (let step = 0; step < STEPS; step++) {
    const slopes = { weights: new Float64Array(model.weights.length), bias: new Float64Array(CLASSES) };
    for (const { point, label } of examples) {
      const errors = chancesOf(model, point);
      errors[label] = (errors[label] ?? 0) - 1;
      for (const [feature, value] of point.entries()) addAt(slopes.weights, feature, { value, errors });
      addAt(slopes.bias, 0, { value: 1, errors });
    }
    const share = rate / examples.length;
    stepDown(model.weights, slopes.weights, share);
    stepDown(model.bias, slopes.bias, share);
  }
  return model;
}

function addAt(
  sums: Float64Array,
  row: number,
  { value, errors }: { value: number; errors: Float64Array },
): void {
  for (let which = 0; which < CLASSES; which++) {
    const at = row * CLASSES + which;
    sums[at] = (sums[at] ?? 0) + value * (errors[which] ?? 0);
  }
}

function stepDown(values: Float32Array, slopes: Float64Array, rate: number): void {
  for (let at = 0; at < values.length; at++) values[at] = (values[at] ?? 0) - rate * (slopes[at] ?? 0);
}

function chancesOf({ weights, bias }: Model, point: Float64Array): Float64Array {
  const scores = Float64Array.from(bias);
  for (const [feature, value] of point.entries())
    for (let which = 0; which < CLASSES; which++)
      scores[which] = (scores[which] ?? 0) + value * (weights[feature * CLASSES + which] ?? 0);
  const most = Math.max(...scores);
  const parts = scores.map((score) => Math.exp(score - most));
  const all = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / all);
}

function drawn(normal: () => number, { size, features }: { size: number; features: number }): Float64Array {
  return Float64Array.from({ length: features }, () => size * normal());
}

/** Normal numbers by Box and Muller, from a generator of 32 bits (mulberry32). */
function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
