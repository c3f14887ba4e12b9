import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { harmoniseSums } from '../../../src/runtime/learning/dataset/harmonise-sums.ts';
import { spotSlice, subjectsOf, writeTree } from './bids-tree.ts';

/** Of the first two of class `bright` the head is all of one grey, but for its edge of few pixels: their pictures have no landmarks. */
const FLAT = new Set(['0', '2']);
const SIDE = 640;
let root = '';

beforeAll(async () => {
  const subjects = subjectsOf(['bright', 'dark'], { count: 4, partition: 'train' });
  root = await writeTree(subjects, (subject) => {
    if (!FLAT.has(subject.id)) return spotSlice(subject);
    const data = Float32Array.from({ length: SIDE * SIDE }, (_, at) =>
      Math.hypot((at % SIDE) - 319.5, Math.floor(at / SIDE) - 319.5) < 290 ? 100 : 0,
    );
    return { shape: [SIDE, SIDE, 1], data };
  });
});
afterAll(() => rm(root, { recursive: true }));

describe('sums that leave a site', () => {
  const ask = (task: 'harmonise.scale' | 'harmonise.effects', leastPeople: number) =>
    harmoniseSums(task, { root, site: 'all' }, { imageSize: SIDE, classes: ['bright', 'dark'], leastPeople });

  it('are over as many people as the site asks for, not counting those whose images tell nothing', async () => {
    expect(await ask('harmonise.scale', 6)).toMatchObject({ images: 6 });
    await expect(ask('harmonise.scale', 7)).rejects.toMatchObject({ code: 'NF_HARMONISE_FEW' });
    const [all, some] = [await ask('harmonise.effects', 2), await ask('harmonise.effects', 3)];
    expect(all).toMatchObject({ classes: [{ images: 2 }, { images: 4 }] });
    expect(some).toMatchObject({ classes: [null, { images: 4 }] });
    // Squares, too, are over those alone who are told of by class.
    if (!('squares' in all && 'squares' in some)) throw new Error('no squares');
    for (const [at, square] of some.squares.entries()) expect(square).toBeLessThan(all.squares[at] ?? 0);
    await expect(ask('harmonise.effects', 5)).rejects.toMatchObject({
      code: 'NF_HARMONISE_FEW',
      message: expect.stringContaining('2 of bright, 4 of dark'),
    });
  });
});
