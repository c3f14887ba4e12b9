import { describe, expect, it } from 'vitest';
import { requireHarmoniseSums } from '../../../src/runtime/federation/harmonised-sums.ts';

const CLASSES = ['a', 'b'];
const job = {
  model: { kind: 'built', spec: { type: 'mri-cnn', image_size: 32, classes: CLASSES } },
} as const;
const form = { image_size: 32, slices: 9 };
const eleven = (value: (at: number) => number) => Array.from({ length: 11 }, (_, at) => value(at));
const scale = { form, images: 12, sums: eleven((at) => 120 * at) };
const one = { images: 12, sums: eleven((at) => 12 * (20 + at)) };
const effects = { form, classes: [one, null], squares: eleven((at) => 12 * (20 + at) ** 2 + 30) };
const ask = (name: string, sums: unknown) => () =>
  requireHarmoniseSums(`${name}/1/site-1`, JSON.parse(JSON.stringify({ sums })), job);

describe('sums that a site tells before training', () => {
  it('are taken where pictures of the job can have them', () => {
    ask('harmonise.scale', scale)();
    ask('harmonise.effects', effects)();
    // Another task has none.
    requireHarmoniseSums('train/1/site-1', {}, job);
  });

  it.each<[string, string, unknown, RegExp]>([
    ['that fall', 'harmonise.scale', { ...scale, sums: eleven((at) => 120 * (10 - at)) }, /no pictures/],
    [
      'over the end of the scale',
      'harmonise.scale',
      { ...scale, sums: eleven((at) => 200 * at) },
      /no pictures/,
    ],
    ['of few landmarks', 'harmonise.scale', { ...scale, sums: [0, 1200] }, /not the form/],
    [
      'of other pictures',
      'harmonise.scale',
      { ...scale, form: { ...form, image_size: 64 } },
      /of 64 pixels.*of 32 pixels/,
    ],
    ['of the other task', 'harmonise.scale', effects, /no pictures/],
    ['of more classes', 'harmonise.effects', { ...effects, classes: [one, null, null] }, /not the form/],
    [
      'of an image',
      'harmonise.effects',
      { ...effects, classes: [{ ...one, images: 1 }, null] },
      /no pictures/,
    ],
    ['of nobody', 'harmonise.effects', { ...effects, classes: [null, null] }, /no pictures/],
    [
      'with squares below those of the means',
      'harmonise.effects',
      { ...effects, squares: eleven(() => 30) },
      /no pictures/,
    ],
    [
      'with squares over those of white',
      'harmonise.effects',
      { ...effects, squares: eleven(() => 1e6) },
      /no pictures/,
    ],
    ['that are not there', 'harmonise.effects', undefined, /no pictures/],
  ])('are refused %s', (_, name, sums, said) => {
    expect(ask(name, sums)).toThrow(said);
  });
});
