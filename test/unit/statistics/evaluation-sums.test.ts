import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { evaluationOfSites } from '../../../src/runtime/evaluation/federated/evaluation-of-sites.ts';
import { figuresOfSites } from '../../../src/runtime/evaluation/federated/figures-of-sites.ts';
import { readSites } from '../../../src/runtime/evaluation/federated/pooled-sums.ts';
import { balancedFigure, estimateFigures } from '../../../src/runtime/evaluation/figures.ts';
import { amongClasses, type Judged, pickRows } from '../../../src/runtime/evaluation/judged-people.ts';
import { tumourOrNone } from '../../../src/runtime/evaluation/presence.ts';
import {
  type FederatedEvaluation,
  federatedEvaluationSchema,
} from '../../../src/runtime/run/federated-evaluation.ts';
import { type Estimate, estimateOf, indexGroups } from '../../../src/runtime/statistics/figure.ts';
import { fitTemperature, withTemperature } from '../../../src/runtime/statistics/probabilities.ts';
import { confusionOf } from '../../../src/runtime/statistics/scored-rows.ts';
import { siteEvaluation } from '../../../src/runtime/statistics/site-evaluation.ts';
import { lossCurve, temperatureOfCurve } from '../../../src/runtime/statistics/temperature-curve.ts';

const CLASSES = ['glioma', 'meningioma', 'no_tumor'];

/** Images in groups, some of which have images of two classes; no group is at two sites. */
function made(
  seed: number,
  { rows = 90, sites = 3, size = 2, mixed = 0.2 } = {},
): Judged & { control: Float64Array } {
  const random = createRandom('made', seed);
  const probabilities = new Float64Array(rows * CLASSES.length);
  const control = new Float64Array(rows * CLASSES.length);
  const labels = new Uint8Array(rows);
  let own = 0;
  for (let row = 0; row < rows; row++) {
    if (row % size === 0 || random.next() < mixed) own = random.int(CLASSES.length);
    labels[row] = own;
    for (const [into, sure] of [
      [probabilities, 2],
      [control, 0.7],
    ] as const) {
      const scores = CLASSES.map((_, label) => Math.exp(random.normal() + (label === own ? sure : 0)));
      const total = scores.reduce((sum, score) => sum + score, 0);
      into.set(
        scores.map((score) => score / total),
        row * CLASSES.length,
      );
    }
  }
  const group = (row: number) => Math.floor(row / size);
  return {
    ids: Array.from({ length: rows }, (_, row) => `sub-${row}`),
    sites: Array.from({ length: rows }, (_, row) => `site-${1 + (group(row) % sites)}`),
    groups: Array.from({ length: rows }, (_, row) => `group-${group(row)}`),
    labels,
    classes: CLASSES.length,
    probabilities,
    control,
  };
}

/** As it travels: text. */
function told(all: ReturnType<typeof made>, { temperature = 1.7, least = 1 } = {}): FederatedEvaluation {
  const names = [...new Set(all.sites)];
  const sites = names.map((site) => {
    const rows = [...all.labels.keys()].filter((row) => all.sites[row] === site);
    const { labels, groups, classes, probabilities } = pickRows(all, rows);
    const control = pickRows({ ...all, probabilities: all.control }, rows).probabilities;
    const sums = siteEvaluation({
      classNames: CLASSES,
      classes,
      labels,
      groups: indexGroups(groups),
      probabilities,
      calibrated: withTemperature({ probabilities, labels, classes }, temperature),
      temperature,
      compared: { 'control.forest': control },
      withheld: [],
      trainedOn: 10,
      least,
    });
    return { site, sums };
  });
  const found = {
    version: 1,
    kind: 'neuroflare-federated-evaluation',
    model_sha256: 'a',
    sites,
    left_out: [],
  };
  return federatedEvaluationSchema.parse(JSON.parse(JSON.stringify(found)));
}

const ofSites = (all: ReturnType<typeof made>) =>
  figuresOfSites(readSites(told(all), CLASSES.length).read, CLASSES);

const onOneMachine = (all: ReturnType<typeof made>, replicates = 100) =>
  estimateFigures({
    judged: all,
    classNames: CLASSES,
    calibrated: withTemperature(all, 1.7),
    compared: [
      {
        name: 'control.forest',
        scores: { probabilities: all.control, labels: all.labels, classes: all.classes },
      },
    ],
    seed: 0,
    replicates,
  });

const FIGURES = [
  'balanced_accuracy',
  'accuracy',
  'control.forest',
  'lead.control.forest',
  ...CLASSES.map((one) => `recall.${one}`),
];

function expectSame(found: Estimate | undefined, expected: Estimate | undefined, what: string): void {
  for (const key of ['value', 'low', 'high'] as const) {
    const [own, other] = [found?.[key] ?? null, expected?.[key] ?? null];
    if (own === null || other === null) expect(own, `${what} ${key}`).toBe(other);
    else expect(own, `${what} ${key}`).toBeCloseTo(other, 7);
  }
}

describe('figures of the sums of sites', () => {
  it('are with their intervals those of all images on one machine, whatever the groups', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(0, 0.3),
        (seed, sites, size, mixed) => {
          const all = made(seed, { sites, size, mixed });
          const [found, expected] = [ofSites(all), onOneMachine(all)];
          for (const name of FIGURES) expectSame(found[name], expected[name], name);
          for (const name of ['nll', 'brier', 'nll.calibrated', 'brier.calibrated'])
            expect(found[name]?.value).toBeCloseTo(expected[name]?.value ?? 0, 7);
        },
      ),
      { numRuns: 25 },
    );
  });

  // Nobody errs in one class: then nothing is known of how its recall moves with others, whatever rounding leaves of that.
  it.each([602_331, 602_184])(
    'are so where a recall is 1 and people have images of several classes (%i)',
    (seed) => {
      const all = made(seed, { sites: 1, size: 2, mixed: 0.3 });
      const [found, expected] = [ofSites(all), onOneMachine(all)];
      expect(CLASSES.map((one) => expected[`recall.${one}`]?.value)).toContain(1);
      for (const name of FIGURES) expectSame(found[name], expected[name], name);
    },
  );

  it('of one site are those of its images in ranking and calibration, too', () => {
    for (const seed of [1, 2, 3]) {
      const all = made(seed, { rows: 300, sites: 1, size: 2 });
      const [found, expected] = [ofSites(all), onOneMachine(all)];
      for (const name of ['auroc', ...CLASSES.map((one) => `auroc.${one}`)])
        expectSame(found[name], expected[name], name);
      expect(found.ece?.value).toBeCloseTo(expected.ece?.value ?? 0, 7);
      expect(found['ece.calibrated']?.value).toBeCloseTo(expected['ece.calibrated']?.value ?? 0, 7);
    }
  });

  it('of losses have about the interval that drawing people gives', () => {
    for (const seed of [4, 5, 6]) {
      const all = made(seed, { rows: 200, size: 2 });
      const [found, expected] = [ofSites(all), onOneMachine(all, 2000)];
      for (const name of ['nll', 'brier']) {
        const width = (expected[name]?.high ?? 0) - (expected[name]?.low ?? 0);
        for (const end of ['low', 'high'] as const)
          expect(Math.abs((found[name]?.[end] ?? 0) - (expected[name]?.[end] ?? 0))).toBeLessThan(
            0.12 * width,
          );
      }
    }
  });

  it('make the whole of an evaluation: confusion, tumour or none, types, sites, the gap between them', () => {
    const all = made(7, { rows: 120, sites: 2 });
    const model = {
      file: 'model.safetensors',
      type: 'mri-cnn',
      imageSize: 32,
      dimensions: 2 as const,
      classes: CLASSES,
    };
    const found = evaluationOfSites(told(all), model, { job: 'job', run_id: '1', engines: {} });
    expect(found.confusion).toEqual(confusionOf(all));
    const expected = tumourOrNone(all, CLASSES, indexGroups(all.groups));
    expect(found.tumour_or_none).toMatchObject({
      with_tumour: expected?.with_tumour,
      found: expected?.found,
      cleared: expected?.cleared,
    });
    for (const name of [
      'sensitivity',
      'specificity',
      'positive_predictive_value',
      'negative_predictive_value',
    ] as const)
      expectSame(found.tumour_or_none?.[name], expected?.[name], name);
    const types = amongClasses(all, [0, 1]);
    expectSame(
      found.tumour_types?.balanced_accuracy,
      estimateOf(balancedFigure(types, indexGroups(types.groups))),
      'types',
    );
    expect(found.per_site.map(({ site, subjects }) => [site, subjects])).toEqual([
      ['site-1', 60],
      ['site-2', 60],
    ]);
    const [one, two] = found.per_site.map(({ accuracy }) => accuracy.value ?? 0) as [number, number];
    expect(found.fairness[0]?.gap?.accuracy.value).toBeCloseTo(Math.abs(one - two), 10);
    expect(found.headline.verdict).not.toBe('no_controls');
    expect(found.data).toMatchObject({ subjects: 120, groups: 60, trained_on: 20 });
  });
});

describe('what a site tells', () => {
  it('has no bin of fewer people than it may tell of', () => {
    const all = made(8, { rows: 200, sites: 2, size: 2 });
    for (const { sums } of told(all, { least: 10 }).sites)
      for (const [count] of sums.bins) expect(count).toBeGreaterThanOrEqual(10);
  });

  it('is read only where images can have such sums', () => {
    const whole = told(made(9));
    const [first] = whole.sites;
    if (!first) throw new Error('no site');
    const { sums } = first;
    for (const broken of [
      { ...sums, confusion: [] },
      { ...sums, labels: { ...sums.labels, rows: [1] } },
      { ...sums, labels: { ...sums.labels, pairs: [[2, 1, 1, 1]] } },
      { ...sums, right: { model: sums.right.model?.map(() => []) } },
      { ...sums, right: {} },
    ]) {
      const { read, unread } = readSites(
        { ...whole, sites: [{ site: 'x', sums: broken as typeof sums }] },
        3,
      );
      expect({ read, unread }).toEqual({ read: [], unread: ['x'] });
    }
  });
});

describe('a temperature', () => {
  it('of summed losses is that of all images', () => {
    for (const seed of [1, 2, 3, 4]) {
      const all = made(seed, { rows: 120 });
      const sharp = withTemperature(all, 0.4 + 0.3 * seed);
      const own = { ...sharp, labels: all.labels };
      const half = (from: number) => ({
        classes: 3,
        labels: own.labels.subarray(from, from + 60),
        probabilities: own.probabilities.subarray(3 * from, 3 * (from + 60)),
      });
      const [one, two] = [lossCurve(half(0)), lossCurve(half(60))];
      const added = one.map((loss, at) => loss + (two[at] ?? 0));
      expect(temperatureOfCurve(added)).toBeCloseTo(fitTemperature([own]), 2);
    }
  });
});
