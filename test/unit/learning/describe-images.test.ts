import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeImages, featuresOf } from '../../../src/runtime/learning/dataset/describe-images.ts';
import { openDataset } from '../../../src/runtime/learning/dataset/open-dataset.ts';
import { FEATURES, pictureFeatures } from '../../../src/runtime/learning/dataset/picture-features.ts';
import { likenessJudge, profileOf } from '../../../src/runtime/run/image-profile.ts';
import { spotSlice, subjectsOf, type TestImage, type TestSubject, writeTree } from './bids-tree.ts';

const treeOf = (count: number, heldOut: number, paint: (subject: TestSubject) => TestImage = spotSlice) => {
  const classes = ['bright', 'dark'];
  const subjects = [
    ...subjectsOf(classes, { count, partition: 'train' }),
    ...subjectsOf(classes, { count: heldOut, partition: 'validation', first: 1000 }),
  ];
  return writeTree(subjects, paint);
};
const opened = (root: string) =>
  openDataset({ root, split: undefined, site: 'site-1' }, { imageSize: 24, augment: false });
const open = async (...tree: Parameters<typeof treeOf>) => opened(await treeOf(...tree));
const inverted = (subject: TestSubject): TestImage => {
  const { shape, data } = spotSlice(subject);
  return { shape, data: data.map((value) => 250 - value) };
};

describe('what training pictures look like', () => {
  it('is told in sums of coarse numbers, by which pictures of another kind are known', async () => {
    const data = await open(30, 20);
    const told = await describeImages(data);
    // What a site lets out by default.
    expect(Buffer.byteLength(JSON.stringify(told))).toBeLessThan(8000);
    const profile = profileOf([{ metrics: { image_profile: told } }]);
    if (!profile) throw new Error('nothing was told');
    const [site] = profile.sites;
    expect([site?.pictures, site?.sums.length, site?.held_out.reduce((sum, bin) => sum + bin, 0)]).toEqual([
      60,
      FEATURES,
      40,
    ]);
    const { threshold = 0, distance } = likenessJudge(profile);
    const far = async (set: typeof data.train) => {
      const found: boolean[] = [];
      for await (const features of featuresOf(set)) found.push(distance(features) > threshold);
      return found.filter(Boolean).length / found.length;
    };
    expect(await far(data.validation)).toBeLessThanOrEqual(0.05);
    expect(await far((await open(10, 0, inverted)).train)).toBe(1);
    // The same pictures tell the same, whatever the order of other work.
    expect(await describeImages(data)).toEqual(told);
  });

  it('stays at a site of few people, and so does how far few held-out ones are', async () => {
    expect(await describeImages(await open(4, 20))).toBeNull();
    const told = profileOf([{ metrics: { image_profile: await describeImages(await open(10, 4)) } }]);
    expect(told?.sites[0]?.held_out.some((bin) => bin > 0)).toBe(false);
  });

  it('stays where many participants are few patients', async () => {
    const of = async (train: number, validation: number) => {
      const root = await treeOf(10, 10);
      const file = join(root, 'participants.tsv');
      const [head = '', ...rows] = (await readFile(file, 'utf8')).trimEnd().split('\n');
      const grouped = rows.map((row, at) => {
        const groups = row.includes('\tvalidation') ? validation : train;
        return `${row}\tpatient-${row.includes('\tvalidation') ? 'v' : 't'}-${at % groups}`;
      });
      await writeFile(file, `${[`${head}\tgroup_id`, ...grouped].join('\n')}\n`);
      return describeImages(await opened(root));
    };
    expect(await of(9, 20)).toBeNull();
    const told = profileOf([{ metrics: { image_profile: await of(10, 9) } }])?.sites[0];
    expect(told).toMatchObject({ groups: 10, pictures: 20 });
    expect(told?.held_out.some((bin) => bin > 0)).toBe(false);
  });

  it('describes blocks, frame, shares, changes and bends as it says', () => {
    const side = 16;
    const picture = Float32Array.from({ length: side * side }, (_, at) => (at % side < 8 ? -2 : 2));
    const features = pictureFeatures(picture, side);
    expect([...features.subarray(0, 4)]).toEqual([-2, -2, 2, 2]);
    expect(features[16]).toBeCloseTo(0, 6);
    expect([features[17], features[18]]).toEqual([Math.sqrt(0.5), Math.sqrt(0.5)]);
    expect(features[19]).toBeCloseTo(Math.log((4 * 16) / 256 + 1e-3), 6);
    expect(features[20]).toBeCloseTo(Math.log(1e-3), 6);
    expect(features[21]).toBeCloseTo(Math.log((2 * 14 * 4) / 256 + 1e-3), 6);
    const twice = Float32Array.from({ length: 2 * picture.length }, (_, at) => picture[at >> 1] ?? 0);
    expect(pictureFeatures(twice, side)).toEqual(features);
  });
});
