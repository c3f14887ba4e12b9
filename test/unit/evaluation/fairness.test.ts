import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import {
  ageBand,
  describeFairness,
  partingsOf,
  quantileOfPairs,
} from '../../../src/runtime/evaluation/fairness.ts';
import { fairnessSection } from '../../../src/runtime/evaluation/report/sections/fairness.ts';

/** One person a row; the share of each level that is called right. */
function people(levels: readonly (readonly [level: string | undefined, count: number, right: number])[]) {
  const rows = levels.flatMap(([level, count, right]) =>
    Array.from({ length: count }, (_, at) => ({ level, isRight: at < right })),
  );
  const judged = {
    ids: rows.map((_, at) => `sub-${at}`),
    sites: rows.map(() => 'all'),
    groups: rows.map((_, at) => `sub-${at}`),
    labels: new Uint8Array(rows.length),
    classes: 2,
    probabilities: Float64Array.from(rows.flatMap(({ isRight }) => (isRight ? [0.9, 0.1] : [0.1, 0.9]))),
  };
  return { judged, parting: { by: 'sex', levels: rows.map(({ level }) => level) } };
}

describe('fairness', () => {
  it('tells the best and the worst level, and how far they lie apart', () => {
    const { judged, parting } = people([
      ['F', 60, 57],
      ['M', 50, 30],
      ['O', 40, 30],
    ]);
    const found = describeFairness(judged, parting);
    expect(found.levels.map(({ level, subjects, accuracy }) => [level, subjects, accuracy.value])).toEqual([
      ['F', 60, 0.95],
      ['M', 50, 0.6],
      ['O', 40, 0.75],
    ]);
    expect(found.gap).toMatchObject({ best: 'F', worst: 'M' });
    expect(found.gap?.accuracy.value).toBeCloseTo(0.35, 12);
    expect(found.gap?.accuracy.low).toBeGreaterThan(0.1);
    expect(found.gap?.accuracy.high).toBeLessThan(0.6);
  });

  it('keeps levels of few people to itself, and has no gap of one level', () => {
    const { judged, parting } = people([
      ['F', 30, 20],
      ['M', 9, 0],
      [undefined, 4, 0],
    ]);
    const found = describeFairness(judged, parting);
    expect(found.levels[1]).toEqual({
      level: 'M',
      subjects: null,
      accuracy: { value: null, low: null, high: null },
    });
    expect(found.unknown).toBe(4);
    expect(found.gap).toBeNull();
  });

  it('counts people, not images: many images of few people are few', () => {
    const { judged, parting } = people([
      ['F', 30, 20],
      ['M', 30, 20],
    ]);
    const groups = judged.groups.map((id, row) => (row < 30 ? id : `person-${row % 5}`));
    expect(describeFairness({ ...judged, groups }, parting).levels[1]?.subjects).toBeNull();
  });

  it('shows no gap between levels that a model serves alike, in at least 95 of 100 samples', () => {
    const shown = Array.from({ length: 200 }, (_, sample) => {
      const random = createRandom('alike', sample);
      const draw = () => Array.from({ length: 40 }, () => random.next()).filter((one) => one < 0.8).length;
      const { judged, parting } = people(
        ['a', 'b', 'c', 'd', 'e'].map((name) => [name, 40, draw()] as const),
      );
      return (describeFairness(judged, parting).gap?.accuracy.low ?? 0) > 0;
    });
    expect(shown.filter(Boolean).length).toBeLessThanOrEqual(10);
  });

  it('parts people by site, sex and age where these differ', () => {
    const row = (site: string, values: Record<string, string>) => ({
      site,
      row: { values: new Map(Object.entries(values)) },
    });
    const rows = [
      row('a', { sex: 'F', age: '17' }),
      row('a', { sex: 'M', age: '89+' }),
      row('a', { age: '40' }),
    ];
    expect(partingsOf(rows)).toEqual([
      { by: 'sex', levels: ['F', 'M', undefined] },
      { by: 'age', levels: ['under 18', '80 and over', '40 to 59'] },
    ]);
    expect(['59.9', '60', 'old', '-1', '', undefined].map(ageBand)).toEqual([
      '40 to 59',
      '60 to 79',
      ...[undefined, undefined, undefined, undefined],
    ]);
  });

  it('takes the quantile of all pairs at once', () => {
    expect(quantileOfPairs(1)).toBeCloseTo(1.96, 2);
    expect(quantileOfPairs(10)).toBeCloseTo(2.807, 2);
  });

  it('is a section of the report, whose texts of others are escaped', () => {
    const { judged, parting } = people([
      ['<b>F', 30, 29],
      ['M', 30, 10],
      ['O', 3, 3],
    ]);
    const fairness = [describeFairness(judged, parting)];
    const text = fairnessSection({ fairness })?.text ?? '';
    expect(text).toContain('The gap is shown');
    expect(text).toContain('too few');
    expect(text).toContain('&lt;b&gt;F');
    expect(text).not.toContain('<b>F');
    expect(fairnessSection({ fairness: [] })).toBeNull();
  });
});
