import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { correlation, similarPairs, toPattern } from '../../../../src/preprocess/groups/correlate.ts';
import { findGroups, type GroupItem, parseThreshold } from '../../../../src/preprocess/groups/find-groups.ts';
import { linkGroups } from '../../../../src/preprocess/groups/link.ts';
import { neighbourPairs, seriesPlace } from '../../../../src/preprocess/groups/series.ts';
import { makeThumbnail } from '../../../../src/preprocess/groups/thumbnail.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { headPicture } from '../image/made-pictures.ts';

/** A thumbnail of `subject`, more or less disturbed. */
function thumbnail(subject: number, noise: number, seed: number): Uint8Array {
  const base = createRandom('subject', subject);
  const disturb = createRandom('noise', subject, seed);
  return Uint8Array.from({ length: 4096 }, () => 40 + 170 * base.next() + noise * (disturb.next() - 0.5));
}

function item(path: string, thumb: Uint8Array, more: Partial<GroupItem> = {}): GroupItem {
  const label = path.split('/').at(-2) ?? '';
  return {
    path,
    label,
    pixelSha256: `pixels of ${path}`,
    thumbnail: thumb,
    headThumbnail: thumb,
    patient: undefined,
    preferred: false,
    ...more,
  };
}

const rule = { threshold: 0.9, cap: 48 };

describe('correlation', () => {
  it('is Pearson’s: 1 for the same, blind to gain and offset, 0 without contrast', () => {
    const one = thumbnail(1, 0, 0);
    expect(correlation(toPattern(one), toPattern(one))).toBeCloseTo(1, 5);
    const dim = one.map((value) => value / 2 + 20);
    expect(correlation(toPattern(one), toPattern(dim))).toBeGreaterThan(0.999);
    expect(correlation(toPattern(one), toPattern(new Uint8Array(4096).fill(7)))).toBe(0);
  });

  it('finds the same pairs as comparing everything with everything', async () => {
    const property = fc.asyncProperty(
      fc.integer(),
      fc.double({ min: 0.05, max: 0.999, noNaN: true }),
      async (seed, threshold) => {
        const random = createRandom('pairs', seed);
        const patterns = Array.from({ length: 8 }, () =>
          toPattern(thumbnail(random.int(3), 60 + 200 * random.next(), random.int(99))),
        );
        const all = patterns.flatMap((left, a) =>
          patterns.flatMap((right, b) =>
            a < b && correlation(left, right) > threshold ? [`${a} ${b}`] : [],
          ),
        );
        const found = await similarPairs(patterns, threshold);
        expect(found.map(({ a, b }) => `${a} ${b}`)).toEqual(all);
      },
    );
    await fc.assert(property, { numRuns: 25 });
  });

  it('stops when told to', async () => {
    const stopped = similarPairs([toPattern(thumbnail(1, 0, 0))], 0.9, {
      signal: AbortSignal.abort('enough'),
    });
    await expect(stopped).rejects.toBe('enough');
  });
});

describe('series', () => {
  it('reads the last number of the name and forgets spaces', () => {
    expect(seriesPlace('Training/no_tumor/image(12).jpg')).toEqual({
      series: 'Training/no_tumor/image(#)',
      number: 12,
    });
    expect(seriesPlace('Training/no_tumor/image (12).jpg')).toEqual(
      seriesPlace('Training/no_tumor/image(12).jpg'),
    );
    expect(seriesPlace('a/m1(5).jpg')?.series).toBe('a/m1(#)');
    expect(seriesPlace('a/none.jpg')).toBeUndefined();
  });

  it('pairs numbers one or two apart within a series', () => {
    const paths = ['a/x1.png', 'a/x3.png', 'a/x4.png', 'a/x7.png', 'b/x2.png', 'a/y2.png'];
    expect(neighbourPairs(paths)).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });
});

describe('linkGroups', () => {
  it('takes strong links first and lets no group grow over the cap', () => {
    const links = [
      { a: 0, b: 1, correlation: 0.99 },
      { a: 1, b: 2, correlation: 0.95 },
      { a: 2, b: 3, correlation: 0.99 },
    ];
    expect(linkGroups(4, links, 4)).toEqual({ rootOf: [0, 0, 0, 0], cut: 0 });
    expect(linkGroups(4, links, 3)).toEqual({ rootOf: [0, 0, 2, 2], cut: 1 });
  });

  it('without a cap joins what is connected by any way, and nothing else', () => {
    const link = fc.record({ a: fc.nat(14), b: fc.nat(14), correlation: fc.constant(0.9) });
    const links = fc.array(
      link.filter(({ a, b }) => a < b),
      { maxLength: 20 },
    );
    const property = fc.property(links, (found) => {
      const least = Array.from({ length: 15 }, (_, at) => at);
      // Until nothing changes: the smaller index of each link goes to its other end.
      for (let changed = true; changed; ) {
        changed = false;
        for (const { a, b } of found) {
          const both = Math.min(least[a] ?? a, least[b] ?? b);
          changed ||= least[a] !== both || least[b] !== both;
          [least[a], least[b]] = [both, both];
        }
      }
      expect(linkGroups(15, found, 15)).toEqual({ rootOf: least, cut: 0 });
    });
    fc.assert(property);
  });

  it('holds the cap for any links, and does not see their order', () => {
    const link = fc.record({
      a: fc.nat(19),
      b: fc.nat(19),
      correlation: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const links = fc.array(
      link.filter(({ a, b }) => a < b),
      { maxLength: 60 },
    );
    const property = fc.property(links, fc.integer({ min: 1, max: 20 }), (found, cap) => {
      const { rootOf, cut } = linkGroups(20, found, cap);
      const sizes = Object.values(Object.groupBy(rootOf, String)).map((own) => own?.length ?? 0);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(cap);
      expect(linkGroups(20, found.toReversed(), cap)).toEqual({ rootOf, cut });
    });
    fc.assert(property);
  });
});

describe('findGroups', () => {
  it('marks copies, the preferred one kept', async () => {
    const thumb = thumbnail(1, 0, 0);
    const { marks, sizes } = await findGroups(
      [
        item('Testing/glioma/a (1).jpg', thumb, { pixelSha256: 'same' }),
        item('Training/glioma/b (9).jpg', thumb, { pixelSha256: 'same', preferred: true }),
      ],
      rule,
    );
    expect(marks.get('Testing/glioma/a (1).jpg')).toEqual({
      group: 'group-0001',
      duplicateOf: 'Training/glioma/b (9).jpg',
      setAside: 'duplicate',
    });
    expect(marks.get('Training/glioma/b (9).jpg')).toEqual({ group: 'group-0001' });
    expect(sizes).toEqual([1]);
  });

  it('joins like pictures anywhere, and neighbours that are less alike', async () => {
    const near = [
      item('x/glioma/a (1).jpg', thumbnail(1, 0, 0)),
      item('x/glioma/z (900).jpg', thumbnail(1, 40, 1)),
    ];
    expect((await findGroups(near, rule)).sizes).toEqual([2]);
    const [one, other] = [thumbnail(2, 80, 0), thumbnail(2, 80, 1)];
    const value = correlation(toPattern(one), toPattern(other));
    expect(value).toBeGreaterThan(0.8);
    expect(value).toBeLessThan(0.9);
    const apart = [item('x/glioma/a (1).jpg', one), item('x/glioma/a (7).jpg', other)];
    expect((await findGroups(apart, rule)).sizes).toEqual([1, 1]);
    const neighbours = [item('x/glioma/a (1).jpg', one), item('x/glioma/a (3).jpg', other)];
    expect((await findGroups(neighbours, rule)).sizes).toEqual([2]);
    const otherFolder = [item('x/glioma/a (1).jpg', one), item('y/glioma/a (3).jpg', other)];
    expect((await findGroups(otherFolder, rule)).sizes).toEqual([1, 1]);
  });

  it('sets one picture under two labels aside with its whole group, and reports it', async () => {
    const items = [
      item('x/glioma/a (1).jpg', thumbnail(1, 0, 0), { pixelSha256: 'same' }),
      item('x/meningioma/b (9).jpg', thumbnail(1, 0, 0), { pixelSha256: 'same' }),
      item('x/glioma/a (2).jpg', thumbnail(1, 30, 2)),
      item('x/glioma/c (70).jpg', thumbnail(5, 0, 0)),
    ];
    const { marks, conflicts } = await findGroups(items, rule);
    expect(items.map(({ path }) => marks.get(path)?.setAside ?? 'kept')).toEqual([
      'label_conflict',
      'label_conflict',
      'label_conflict',
      'kept',
    ]);
    expect(conflicts).toEqual([
      {
        group: 'group-0001',
        labels: ['glioma', 'meningioma'],
        paths: ['x/glioma/a (1).jpg', 'x/glioma/a (2).jpg', 'x/meningioma/b (9).jpg'],
      },
    ]);
  });

  it('does not take likeness across labels for one patient', async () => {
    const items = [
      item('x/glioma/a (1).jpg', thumbnail(1, 0, 0)),
      item('x/meningioma/b (9).jpg', thumbnail(1, 60, 1)),
    ];
    const { sizes, conflicts } = await findGroups(items, rule);
    expect([sizes, conflicts]).toEqual([[1, 1], []]);
  });

  it('does not see the order of the files', async () => {
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      const random = createRandom('order', seed);
      const items = Array.from({ length: 12 }, (_, at) =>
        item(
          `x/${random.int(2) === 0 ? 'glioma' : 'pituitary'}/a (${at}).jpg`,
          thumbnail(random.int(4), 120 * random.next(), at),
          {
            pixelSha256: `pixels ${random.int(9)}`,
          },
        ),
      );
      const sorted = await findGroups(items, rule);
      const shuffled = await findGroups(random.shuffle([...items]), rule);
      expect(shuffled).toEqual(sorted);
      expect(new Set(sorted.marks.keys())).toEqual(new Set(items.map(({ path }) => path)));
    });
    await fc.assert(property, { numRuns: 20 });
  });
});

describe('makeThumbnail', () => {
  it('gives 64 x 64 bytes in 8 and 16 bits, with the same look', () => {
    const image = headPicture(1, 90, 120);
    const deep = { ...image, pixels: Uint16Array.from(image.pixels, (value) => value * 12) };
    const [one, other] = [makeThumbnail(image), makeThumbnail(deep)];
    expect([one.length, other.length]).toEqual([4096, 4096]);
    expect(correlation(toPattern(one), toPattern(other))).toBeGreaterThan(0.999);
  });
});

describe('parseThreshold', () => {
  it('takes a correlation and nothing else', () => {
    expect(parseThreshold('0.95')).toBe(0.95);
    for (const text of ['', 'x', 'NaN', '0', '-1', '1.01']) {
      expect(() => parseThreshold(text)).toThrow(expect.objectContaining({ code: 'NF_BIDS_THRESHOLD' }));
    }
  });
});

describe('pictures of named patients', () => {
  const ofPatient = (path: string, thumb: Uint8Array, patient: string) => item(path, thumb, { patient });

  it('that look the same and have two labels are told, whoever they are of', async () => {
    const { twoLabels, conflicts } = await findGroups(
      [
        ofPatient('glioma/1.png', thumbnail(1, 2, 1), 'a'),
        ofPatient('healthy/2.png', thumbnail(1, 2, 2), 'b'),
        ofPatient('healthy/3.png', thumbnail(2, 2, 3), 'b'),
        ofPatient('glioma/4.png', thumbnail(1, 2, 4), 'c'),
        ofPatient('healthy/5.png', thumbnail(2, 2, 5), 'd'),
      ],
      rule,
    );
    expect(twoLabels.map(({ paths }) => paths).sort()).toEqual([
      ['glioma/1.png', 'healthy/2.png'],
      ['glioma/4.png', 'healthy/2.png'],
    ]);
    expect(twoLabels[0]?.labels.toSorted()).toEqual(['glioma', 'healthy']);
    expect(conflicts).toEqual([]);
  });

  it('are no copies where they are of one label, or differ', async () => {
    const items = [
      ofPatient('glioma/1.png', thumbnail(1, 2, 1), 'a'),
      ofPatient('glioma/2.png', thumbnail(1, 2, 2), 'b'),
      ofPatient('healthy/3.png', thumbnail(3, 2, 3), 'c'),
    ];
    expect((await findGroups(items, rule)).twoLabels).toEqual([]);
  });
});
