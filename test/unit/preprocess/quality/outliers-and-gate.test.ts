import { describe, expect, it } from 'vitest';
import { FIGURE_NAMES } from '../../../../src/preprocess/quality/figures.ts';
import { judge, parseGate } from '../../../../src/preprocess/quality/gate.ts';
import type { MeasuredImage } from '../../../../src/preprocess/quality/measured-image.ts';
import { because } from '../../../../src/preprocess/quality/outcome.ts';
import { findOutliers } from '../../../../src/preprocess/quality/outliers.ts';
import { worstFirst } from '../../../../src/preprocess/quality/sheet.ts';
import type { Figures } from '../../../../src/preprocess/quality/subject.ts';

const image = (file: string, site: string | null, known: Partial<Figures>): MeasuredImage => {
  const none = FIGURE_NAMES.map((name) => [name, because('made')] as const);
  const figures = { ...Object.fromEntries(none), ...known } as Figures;
  return { file, participant: 'sub-1', site, kind: 'volume', shape: [1, 1, 1], figures };
};
/** Signal to noise of 20, 21, ... */
const evenly = (site: string, count: number) =>
  Array.from({ length: count }, (_, at) => image(`${site}-${at}`, site, { snr: 20 + at }));

describe('what stands out at a site', () => {
  it('is far from the median of the site in robust standard deviations, whatever other sites have', () => {
    // Of 20 to 30 the median is 25, the median of the distances 3.
    const images = [
      ...evenly('a', 11),
      image('a-bad', 'a', { snr: 2 }),
      ...evenly('b', 11).map((one) => ({ ...one, figures: { ...one.figures, snr: 2 } })),
    ];
    const { outliers, groups } = findOutliers(images);
    expect([...outliers.keys()]).toEqual(['a-bad']);
    const [found] = outliers.get('a-bad') ?? [];
    expect(found).toMatchObject({ figure: 'snr', value: 2, median: 24.5 });
    expect(found?.z).toBeCloseTo((2 - 24.5) / (1.4826 * 3), 6);
    expect(groups).toMatchObject([
      { site: 'a', images: 12, compared: [{ figure: 'snr', images: 12 }] },
      { site: 'b' },
    ]);
  });

  it('is not said of too few, and is said where most values are alike', () => {
    expect(findOutliers([...evenly('a', 8), image('far', 'a', { snr: 1000 })]).outliers.size).toBe(0);
    expect(findOutliers([...evenly('a', 8), image('far', 'a', { snr: 1000 })]).groups).toMatchObject([
      { compared: [] },
    ]);
    const alike = Array.from({ length: 30 }, (_, at) => image(`a-${at}`, null, { efc: 0.5 }));
    expect(findOutliers(alike).outliers.size).toBe(0);
    expect([...findOutliers([...alike, image('far', null, { efc: 0.9 })]).outliers.keys()]).toEqual(['far']);
  });
});

describe('a gate', () => {
  it('is read with its signs, and says which part it does not understand', () => {
    expect(parseGate('snr<8, EFC >= 0.7,fd_mean>.5,gsr_x<=-1e-2')).toMatchObject([
      { figure: 'snr', sign: '<', bound: 8 },
      { figure: 'efc', sign: '>=', bound: 0.7 },
      { figure: 'fd_mean', sign: '>', bound: 0.5 },
      { figure: 'gsr_x', sign: '<=', bound: -0.01 },
    ]);
    for (const [text, part] of [
      ['snr', "'snr' is not"],
      ['snr<8,', "'' is not"],
      ['snr<8;efc>1', "'snr<8;efc>1' is not"],
      ['snr=8', "'snr=8' is not"],
      ['snr<abc', "'snr<abc' is not"],
      ['snt<8', "Did you mean 'snr'"],
    ] as const) {
      expect(() => parseGate(text), text).toThrow(part);
    }
  });

  it('names who fails it, and of whom it cannot be told', () => {
    const images = [image('good', null, { snr: 9 }), image('bad', null, { snr: 7 }), image('none', null, {})];
    expect(judge(images, parseGate('snr<8'))).toEqual({
      failed: [{ file: 'bad', condition: 'snr<8', value: 7 }],
      undecided: [{ condition: 'snr<8', images: 1, all: false, because: 'made' }],
    });
    expect(judge(images, parseGate('cnr<1'))).toMatchObject({
      failed: [],
      undecided: [{ images: 3, all: true }],
    });
  });

  it('puts what fails first, then what stands out farthest', () => {
    const far = (z: number) => [{ figure: 'snr' as const, value: 1, median: 2, z }];
    const one = (file: string, z: number, failed: boolean) => ({
      image: image(file, null, {}),
      outliers: z === 0 ? [] : far(z),
      failed: failed ? [{ file, condition: 'snr<8', value: 1 }] : [],
    });
    const sorted = worstFirst([
      one('plain', 0, false),
      one('near', 4, false),
      one('far', -9, false),
      one('failed', 0, true),
    ]);
    expect(sorted.map(({ image: { file } }) => file)).toEqual(['failed', 'far', 'near', 'plain']);
  });
});
