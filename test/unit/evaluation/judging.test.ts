import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { estimateFigures } from '../../../src/runtime/evaluation/figures.ts';
import { headlineOf } from '../../../src/runtime/evaluation/headline.ts';
import { amongClasses, type Judged } from '../../../src/runtime/evaluation/judged-people.ts';
import { comparePaired } from '../../../src/runtime/evaluation/paired.ts';
import { tumourOrNone, tumourOrNoneWords } from '../../../src/runtime/evaluation/presence.ts';
import { maskBatch } from '../../../src/runtime/learning/dataset/masked-pictures.ts';
import { indexGroups } from '../../../src/runtime/statistics/figure.ts';
import { confusionOf } from '../../../src/runtime/statistics/scored-rows.ts';

const CLASSES = ['a', 'b', 'no_tumor'];

/** Predictions that are right with this probability, two images a group. */
function judged(rightness: number, { count = 120, seed = 0 } = {}): Judged {
  const random = createRandom('judged', seed, rightness);
  const labels = Uint8Array.from({ length: count }, (_, row) => row % 3);
  const probabilities = new Float64Array(3 * count).fill(0.2);
  for (const [row, label] of labels.entries()) {
    const said = random.next() < rightness ? label : (label + 1 + random.int(2)) % 3;
    probabilities[3 * row + said] = 0.6;
  }
  return {
    ids: Array.from({ length: count }, (_, row) => `sub-${row}`),
    sites: Array.from({ length: count }, (_, row) => `site-${1 + (row % 2)}`),
    groups: Array.from({ length: count }, (_, row) => `group-${row >> 1}`),
    labels,
    classes: 3,
    probabilities,
  };
}

const estimate = (own: Judged, compared: Parameters<typeof estimateFigures>[0]['compared'] = []) =>
  estimateFigures({
    judged: own,
    classNames: CLASSES,
    calibrated: undefined,
    compared,
    seed: 0,
    replicates: 400,
  });

describe('the figures', () => {
  it('are those of the counts', () => {
    const own = judged(0.7);
    const counts = confusionOf(own);
    const recalls = counts.map(
      (row, label) => (row[label] ?? 0) / row.reduce((sum, count) => sum + count, 0),
    );
    const figures = estimate(own);
    expect(figures['recall.b']?.value).toBeCloseTo(recalls[1] ?? 0, 10);
    expect(figures.balanced_accuracy?.value).toBeCloseTo(recalls.reduce((sum, one) => sum + one, 0) / 3, 10);
    expect(figures.accuracy?.value).toBeCloseTo(
      counts.reduce((sum, row, label) => sum + (row[label] ?? 0), 0) / 120,
      10,
    );
  });

  it('are null where a class is missing, and the others stay', () => {
    const own = judged(0.8);
    const rows = [...own.labels.keys()].filter((row) => own.labels[row] !== 2);
    const some = {
      ...own,
      groups: rows.map(String),
      labels: Uint8Array.from(rows, (row) => own.labels[row] ?? 0),
      probabilities: Float64Array.from(
        rows.flatMap((row) => [...own.probabilities.subarray(3 * row, 3 * row + 3)]),
      ),
    };
    const figures = estimate(some);
    expect(figures.balanced_accuracy).toEqual({ value: null, low: null, high: null });
    expect(figures['recall.no_tumor']?.value).toBeNull();
    expect(figures['recall.a']?.value).toBeGreaterThan(0.5);
  });

  it('have a lead over what is compared that is paired: over itself it is zero', () => {
    const own = judged(0.7);
    const figures = estimate(own, [{ name: 'control.forest', scores: own }]);
    const lead = figures['lead.control.forest'];
    expect(lead?.value).toBe(0);
    expect(lead?.high).toBeCloseTo(-(lead?.low ?? 0), 10);
    expect(lead?.high).toBeGreaterThan(0);
    expect(lead?.high).toBeLessThan(0.04);
  });
});

describe('the headline', () => {
  const verdict = (model: number, control: number) => {
    const own = judged(model, { count: 300 });
    const other = judged(control, { count: 300, seed: 1 });
    return headlineOf(estimate(own, [{ name: 'control.kernel', scores: other }]), true);
  };

  it('says who is better only where the interval of the difference says so', () => {
    expect(verdict(0.9, 0.6).verdict).toBe('beats_controls');
    expect(verdict(0.6, 0.9).verdict).toBe('below_controls');
    expect(verdict(0.7, 0.7).verdict).toBe('not_shown');
  });

  it('says that a figure without controls is worth nothing known', () => {
    expect(headlineOf(estimate(judged(0.9)), false)).toMatchObject({
      verdict: 'no_controls',
      strongest_control: null,
    });
  });
});

describe('a paired comparison', () => {
  it('finds a difference, and bounds how much worse the model may be', () => {
    const paired = comparePaired(judged(0.9, { count: 300 }), judged(0.6, { count: 300, seed: 1 }));
    expect(paired.lead.low).toBeGreaterThan(0.15);
    expect(paired.worse_by_at_most).toBeLessThan(0);
  });

  it('pairs by subject, whatever the order', () => {
    const own = judged(0.8);
    const order = [...own.ids.keys()].reverse();
    const turned: Judged = {
      ...own,
      ids: order.map((row) => own.ids[row] ?? ''),
      groups: order.map((row) => own.groups[row] ?? ''),
      labels: Uint8Array.from(order, (row) => own.labels[row] ?? 0),
      probabilities: Float64Array.from(
        order.flatMap((row) => [...own.probabilities.subarray(3 * row, 3 * row + 3)]),
      ),
    };
    expect(comparePaired(own, turned).lead).toEqual(comparePaired(own, own).lead);
  });

  it('refuses models that were judged on different people', () => {
    const own = judged(0.8);
    const strangers = { ...own, ids: own.ids.map((id) => `x${id}`) };
    expect(() => comparePaired(own, strangers)).toThrow(/no subject in common/);
  });
});

describe('tumour or none', () => {
  const found = (rightness: number) => {
    const own = judged(rightness, { count: 66 });
    return tumourOrNone(own, CLASSES, indexGroups(own.ids));
  };

  it('counts what is found, whatever the type, and says it in words', () => {
    const { labels, ...own } = judged(1, { count: 66 });
    const never = {
      ...own,
      labels,
      probabilities: own.probabilities.map((_, at) => (at % 3 === 0 ? 0.6 : 0.2)),
    };
    const result = tumourOrNone(never, CLASSES, indexGroups(own.ids));
    expect(result).toMatchObject({
      with_tumour: 44,
      found: 44,
      without_tumour: 22,
      cleared: 0,
      called_tumour: 66,
      called_none: 0,
      specificity: { value: 0, low: 0, high: expect.closeTo(0.149, 3) },
      positive_predictive_value: { value: expect.closeTo(2 / 3, 10) },
      negative_predictive_value: { value: null, low: null, high: null },
    });
    const words = result && tumourOrNoneWords(result, (name) => name);
    expect(words?.[1]).toBe('Of 22 without tumour, 0 called so: specificity.');
  });

  it('does not ask which type it is', () => {
    expect(found(1)?.sensitivity.value).toBe(1);
    expect(found(0)?.specificity.value).toBe(0);
    expect(found(0)?.sensitivity.value).toBeGreaterThan(0.2);
  });

  it('is no question where no class is without tumour', () => {
    const own = judged(1);
    expect(tumourOrNone(own, ['a', 'b', 'c'], indexGroups(own.ids))).toBeNull();
  });
});

it('tells some classes apart among themselves', () => {
  const own = judged(1);
  const among = amongClasses(own, [0, 1]);
  expect(among.labels).toHaveLength(80);
  expect(among.probabilities[0]).toBeCloseTo(0.75, 10);
});

describe('masked pictures', () => {
  const side = 24;
  const picture = Float32Array.from({ length: side * side }, (_, at) => {
    const distance = Math.hypot((at % side) - 11.5, Math.floor(at / side) - 11.5);
    return distance < 8 ? 1 + (at % 3) : -2;
  });
  const shown = { layout: 'montage', imageSize: side, channels: 1 } as const;
  const masked = (test: Parameters<typeof maskBatch>[1]) =>
    maskBatch({ x: picture, y: new Float32Array(), size: 1, owners: [0] }, test, shown).x;

  it('lose the frame, the head, or all but its outline', () => {
    expect(masked('frame_masked')).toEqual(picture);
    expect(new Set(masked('head_masked'))).toEqual(new Set([-2]));
    expect(new Set(masked('silhouette_only'))).toEqual(new Set([-2, 0]));
  });

  it('are masked plane by plane in a volume', () => {
    const cube = { layout: 'volume', imageSize: side, channels: 1 } as const;
    const planes = Array.from({ length: side }, (_, z) =>
      picture.map((value) => (value > 0 ? value + z / side : value)),
    );
    const x = Float32Array.from(planes.flatMap((plane) => [...plane]));
    const whole = maskBatch({ x, y: new Float32Array(), size: 1, owners: [0] }, 'silhouette_only', cube).x;
    expect(whole).toEqual(Float32Array.from(planes.flatMap(() => [...masked('silhouette_only')])));
  });

  it('blacken what stands in the frame', () => {
    const framed = picture.map((value, at) => (at === 5 ? 3 : value));
    const x = maskBatch({ x: framed, y: new Float32Array(), size: 1, owners: [0] }, 'frame_masked', shown).x;
    expect(x[5]).toBe(-2);
  });
});
