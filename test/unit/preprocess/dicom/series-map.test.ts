import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rulesFor } from '../../../../src/preprocess/dicom/match.ts';
import { readSeriesMap } from '../../../../src/preprocess/dicom/series-map.ts';
import { type SeriesValues, VALUE_NAMES } from '../../../../src/preprocess/dicom/values.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let files = 0;

async function mapOf(text: string) {
  const path = join(root, `map-${++files}.yaml`);
  await writeFile(path, text);
  return readSeriesMap(path);
}

const rule = (when: string) => `version: 1\nrules:\n  - {name: t1, when: ${when}, suffix: T1w}\n`;

const values = {
  ...Object.fromEntries(VALUE_NAMES.map((name) => [name, []])),
  Modality: ['MR'],
  SeriesDescription: ['t1_MPRAGE sag'],
  ImageType: ['ORIGINAL', 'PRIMARY', 'M'],
  EchoTime: [0.00296],
  FlipAngle: [9],
} as unknown as SeriesValues;

describe('a rule of a DICOM map', () => {
  const criteria: [string, boolean][] = [
    ["{SeriesDescription: '*mprage*'}", true],
    ["{SeriesDescription: 't?_mprage sag'}", true],
    ["{SeriesDescription: 'mprage'}", false],
    ["{SeriesDescription: '*******a*******a*******z'}", false],
    ["{SeriesDescription: ['*flair*', '*mprage*']}", true],
    ['{ImageType: primary}', true],
    ['{ImageType: DERIVED}', false],
    ['{EchoTime: 0.00296}', true],
    ['{EchoTime: {max: 0.01}}', true],
    ['{EchoTime: {min: 0.01}}', false],
    ['{FlipAngle: [8, 9]}', true],
    ['{FlipAngle: 9, Modality: CT}', false],
    ['{ContrastBolusAgent: false}', true],
    ['{ContrastBolusAgent: true}', false],
    ['{InversionTime: {min: 0}}', false],
  ];
  it.each(criteria)('asks %s of a series', async (when, fits) => {
    expect(rulesFor(values, await mapOf(rule(when)))).toHaveLength(fits ? 1 : 0);
  });
});

describe('a DICOM map that is wrong', () => {
  const faults: [string, string, object][] = [
    ['is no YAML', 'version: 1\nrules: [', { code: 'NF_DICOM_MAP_YAML', place: { line: 2 } }],
    ['has no version', 'rules: []', { code: 'NF_DICOM_MAP' }],
    [
      'has no rules',
      'version: 1\nrules: []',
      { message: expect.stringContaining("'rules'"), place: { line: 2 } },
    ],
    [
      'names a value that is none',
      rule('{SeriesDescripton: x}'),
      { message: expect.stringContaining("Did you mean 'SeriesDescription'"), place: { line: 3 } },
    ],
    [
      'has a rule without criteria',
      rule('{}'),
      { message: expect.stringContaining('one criterion at least'), place: { line: 3 } },
    ],
    [
      'has a range without ends',
      rule('{EchoTime: {}}'),
      { place: { line: 3, key: 'rules.0.when.EchoTime' } },
    ],
    [
      'has a suffix that is none',
      rule('{Modality: MR}').replace('T1w', 'T1W'),
      { message: expect.stringContaining("Did you mean 'T1w'"), place: { line: 3 } },
    ],
    [
      'has no suffix',
      'version: 1\nrules:\n  - name: x\n    when: {Modality: MR}\n',
      { message: expect.stringContaining('suffix'), place: { line: 3 } },
    ],
    [
      'leaves out and keeps',
      rule('{Modality: MR}').replace('suffix', 'skip: true, suffix'),
      { message: expect.stringContaining('leaves series out') },
    ],
    [
      'puts a suffix into another folder',
      rule('{Modality: MR}').replace('suffix', 'datatype: dwi, suffix'),
      { message: expect.stringContaining('does not belong in dwi') },
    ],
    [
      'has an entity with a dash',
      rule('{Modality: MR}').replace('suffix', "entities: {acq: 'a-b'}, suffix"),
      { place: { line: 3, key: 'rules.0.entities.acq' } },
    ],
    [
      'has a bold without task',
      rule('{Modality: MR}').replace('T1w', 'bold'),
      { message: expect.stringContaining('a task is wanted') },
    ],
  ];
  it.each(faults)('is refused where it %s', async (_name, text, error) => {
    await expect(mapOf(text)).rejects.toMatchObject(error);
  });

  it('is refused where it is missing', async () => {
    await expect(readSeriesMap(join(root, 'none.yaml'))).rejects.toMatchObject({ code: 'NF_PATH_MISSING' });
  });
});
