import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { centredAffine } from '../../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../../src/preprocess/nifti/write.ts';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { describeData } from '../../../src/runtime/learning/dataset/describe-data.ts';
import { poolStatistics } from '../../../src/runtime/run/data-statistics.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { writeFiles } from '../../support/write-files.ts';

/** 40 images of 30 people: the first ten have two. */
const PEOPLE = 30;
const PER_SITE = 15;
const root = tempFolder();

function slice(seed: number): Uint8Array {
  const random = createRandom('slice', seed);
  const data = Float32Array.from({ length: 400 }, () => random.int(251) + 1);
  return encodeNifti({ shape: [20, 20, 1], data, affine: centredAffine([20, 20, 1], [1, 1, 2]) });
}

const images = Array.from({ length: 40 }, (_, at) => ({ id: `sub-${at + 1}`, person: at % PEOPLE }));
const ageOf = (person: number) => 20 + 2 * person;

beforeAll(async () => {
  const rows = images.map(({ id, person }) => {
    const site = person < PER_SITE ? 'north' : 'south';
    const sex = person % 3 === 0 ? 'F' : 'M';
    const age = String(ageOf(person));
    return [id, person % 2 === 0 ? 'a' : 'b', site, `p${person}`, 'train', age, sex, `scan of ${id}`].join(
      '\t',
    );
  });
  await writeFiles(root, {
    'participants.tsv': [
      'participant_id\tdiagnosis\tsite\tgroup_id\tpartition\tage\tsex\tscan',
      ...rows,
      '',
    ].join('\n'),
    ...Object.fromEntries(images.map(({ id }, at) => [`${id}/anat/${id}_T1w.nii`, slice(at)])),
  });
});

describe('describeData', () => {
  it('counts people, not images, and tells what the job declares of the table', async () => {
    const found = await describeData(
      { root, site: 'any' },
      { classes: ['a', 'b'], columns: { age: { from: 0, to: 100, bins: 4 }, sex: { values: ['F', 'M'] } } },
    );
    expect(found).toMatchObject({
      people: PEOPLE,
      tables: { class: { people: [15, 15] }, sex: { people: [10, 20] } },
    });
    const ages = Array.from({ length: PEOPLE }, (_, person) => ageOf(person));
    const pooled = poolStatistics([{ site: 'any', metrics: { data_statistics: found } }]);
    const age = pooled?.features.find(({ name }) => name === 'age');
    expect(age?.mean).toBeCloseTo(ages.reduce((sum, one) => sum + one, 0) / PEOPLE, 9);
    // Three are under 25 and two over 75, which is fewer than ten together, so that the next smallest count is withheld, too. That nobody is
    // over 100 is told by no step.
    expect(found?.features.age?.bins).toEqual([null, null, null, 13, null, null]);
    expect(pooled?.features.find(({ name }) => name === 'voxel volume')).toMatchObject({
      mean: 2,
      people: PEOPLE,
    });
    expect(found?.features.brightness?.people).toBe(PEOPLE);
  });

  it('tells nothing of few people, whatever groups the job names', async () => {
    expect(await describeData({ root, site: 'any' }, { leastPeople: PEOPLE + 1 })).toBeNull();
    const source = { root, site: 'any', selection: { group_column: 'scan' } };
    expect(await describeData(source)).toMatchObject({ people: PEOPLE });
    expect(await describeData(source, { leastPeople: PEOPLE + 1 })).toBeNull();
  });

  it.each<[string, object, RegExp]>([
    [
      'fewer people than may be counted',
      { leastPeople: 5 },
      /'leastPeople': 5 is not a whole number of at least 10/,
    ],
    ['an unknown option', { leastpeople: 10 }, /Did you mean 'leastPeople'/],
    ['a range that has no width', { columns: { age: { from: 5, to: 5 } } }, /columns by name/],
    ['a column without a rule', { columns: { age: {} } }, /columns by name/],
  ])('refuses %s', async (_, options, said) => {
    await expect(describeData({ root: join(root), site: 'any' }, options)).rejects.toThrow(said);
  });
});
