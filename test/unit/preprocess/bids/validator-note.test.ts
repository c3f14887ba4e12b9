import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { datasetTexts } from '../../../../src/preprocess/bids/dataset-texts.ts';
import type { Entry } from '../../../../src/preprocess/bids/entry.ts';
import type { Examination } from '../../../../src/preprocess/bids/examination.ts';
import { rootTexts } from '../../../../src/preprocess/dicom/import/texts.ts';
import { readSeriesMap } from '../../../../src/preprocess/dicom/series-map.ts';
import { writeFrame } from '../../../../src/preprocess/phantom/dataset.ts';
import { planParticipants } from '../../../../src/preprocess/phantom/plan.ts';
import { prepareDataset } from '../../../../src/preprocess/preparation/prepare-dataset.ts';
import { noProgress } from '../../../../src/runtime/base/logging/progress.ts';
import { makeTree, tsv } from '../../../support/bids-tree.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const WORDS = { name: 'Heads', license: 'CC0-1.0', authors: [] };
const root = tempFolder();
let count = 0;

function ofVolumes(participants: number): string | undefined {
  const examination: Examination = {
    key: '1',
    label: 'ill',
    patient: undefined,
    origin: { line: 2 },
    shown: 'line 2',
    place: {},
    files: [],
    content: { kind: 'volumes', images: [], mask: undefined },
  };
  const entry: Entry = {
    id: 'sub-0001',
    source: examination,
    sourceSha256: 'a',
    facts: {
      volume: {
        pixelSha256: 'a',
        shape: [1, 1, 1],
        voxel: [1, 1, 1],
        orientation: 'RAS',
        face: { outcome: 'kept' },
      },
    },
    mark: { group: 'group-0001' },
  };
  const texts = datasetTexts({
    ...WORDS,
    processing: { size: undefined, headMask: false },
    rule: { threshold: 0.9, cap: 48 },
    source: {
      kind: 'volumes',
      examinations: [examination],
      faults: [],
      texts: { what: 'a table', images: 'Images.', skullStripped: false },
    },
    entries: Array(participants).fill(entry),
    sourceDigest: 'a',
  });
  return texts.get('README');
}

async function ofPhantom(participants: number): Promise<string> {
  const folder = join(root, String(++count));
  const recipe = { sites: 1, perClass: 251, size: 24, seed: 1 };
  await writeFrame(folder, { recipe, participants: planParticipants(recipe).slice(0, participants) });
  return readFile(join(folder, 'README'), 'utf8');
}

async function ofDicom(participants: number): Promise<string | undefined> {
  const path = join(root, `${++count}.yaml`);
  await writeFile(path, 'version: 1\nrules:\n  - {name: t1, when: {Modality: MR}, suffix: T1w}\n');
  return rootTexts(WORDS, { map: await readSeriesMap(path), suffixes: ['T1w'], participants }).get('README');
}

async function ofPreparedVolumes(participants: number): Promise<string> {
  const folder = join(root, String(++count));
  await mkdir(folder);
  const rows = Array.from({ length: participants }, (_, at) => [`sub-${at + 1}`, 'ill']);
  const source = await makeTree(join(folder, 'bids'), {
    'participants.tsv': tsv(['participant_id', 'diagnosis'], ...rows),
    'sub-1/anat/sub-1_T1w.nii.gz': { seed: 1 },
  });
  const { path } = await prepareDataset({
    source,
    target: join(folder, 'prepared'),
    pipeline: { steps: [{ step: 'reorient', to: 'RAS' }] },
    jobs: 1,
    skipBad: false,
    signal: new AbortController().signal,
    progress: noProgress,
  });
  return readFile(join(path, 'README'), 'utf8');
}

describe('the README of a data set', () => {
  it.each([
    ['of volumes', ofVolumes],
    ['of the phantom', ofPhantom],
    ['of DICOM', ofDicom],
    ['of prepared volumes', ofPreparedVolumes],
  ])('%s says how the validator reads the table where it has over 1,000 participants', async (_, readme) => {
    expect(await readme(1000)).not.toContain('max-rows');
    const long = await readme(1001);
    expect(long).toContain('reads the first 1000 rows of a table');
    expect(long).toContain('--max-rows -1');
  });
});
