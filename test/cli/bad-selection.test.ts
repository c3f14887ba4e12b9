import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeTree, tsv } from '../support/bids-tree.ts';
import { runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();
const HEADER = ['participant_id', 'type', 'diagnosis'];

beforeAll(async () => {
  const rows = ['1', '2', '3', '4'].map((id) => [
    `sub-${id}`,
    id === '4' ? 'odd' : 'plain',
    Number(id) % 2 ? 'a' : 'b',
  ]);
  const images = ['1', '2', '3', '4'].flatMap((id) =>
    ['acq-hi_T1w', 'acq-lo_T1w', 'ses-x_bold'].map((name) => {
      const isBold = name.endsWith('bold');
      const file = `sub-${id}/${isBold ? 'ses-x/func' : 'anat'}/sub-${id}_${name}.nii.gz`;
      return [file, { seed: Number(id), ...(isBold && { volumes: 2 }) }];
    }),
  );
  await makeTree(join(cwd, 'ds'), {
    'participants.tsv': tsv(HEADER, ...rows),
    ...Object.fromEntries(images),
    'phenotype/twice.tsv': tsv(['participant_id', 'grade'], ['sub-1', 'I'], ['sub-1', 'II']),
    'other/broken.tsv': 'no table\n',
  });
  await writeFile(join(cwd, 'partial.yaml'), 'plain: p\n');
  await writeFile(join(cwd, 'slip.yaml'), 'plain: p\nodd: o\nplane: q\n');
  await writeFile(join(cwd, 'label.yaml'), 'plain: p\nodd: 1 2\n');
  await writeFile(join(cwd, 'twice.yaml'), 'plain: p\nplain: q\n');
});

interface Bad {
  readonly what: string;
  readonly words: string;
  readonly code: string;
  readonly says: string;
  readonly at?: Readonly<Record<string, unknown>>;
}

const TABLE = { file: join('ds', 'participants.tsv') };
const CASES: readonly Bad[] = [
  {
    what: 'an unknown entity',
    words: '--filter session=x',
    code: 'NF_SELECT_FILTER',
    says: "'session' is no entity of BIDS",
  },
  {
    what: 'an entity with a slip',
    words: '--filter aq=x',
    code: 'NF_SELECT_FILTER',
    says: "Did you mean 'acq'?",
  },
  { what: 'no value', words: '--filter ses', code: 'NF_SELECT_FILTER', says: "'ses' is not ENTITY=VALUE" },
  {
    what: 'an entity twice',
    words: '--filter acq=hi --filter acq=lo',
    code: 'NF_SELECT_FILTER',
    says: "'acq' stands twice",
  },
  {
    what: 'a value that is none',
    words: '--filter acq=../x',
    code: 'NF_SELECT_FILTER',
    says: 'letters, digits and plus signs',
  },
  {
    what: 'a filter that matches nothing',
    words: '--filter acq=mid',
    code: 'NF_SELECT_NOTHING',
    says: 'acq: hi (4), lo (4)',
  },
  {
    what: 'a suffix that is not there',
    words: '--suffix FLAIR',
    code: 'NF_SELECT_NOTHING',
    says: 'No FLAIR image',
  },
  {
    what: 'a suffix that is none',
    words: '--suffix T1w.nii',
    code: 'NF_SELECT_OPTION',
    says: 'letters and digits',
  },
  {
    what: 'an unknown column',
    words: '--label-column typ',
    code: 'NF_DATA_COLUMN',
    says: "Did you mean 'type'?",
    at: { ...TABLE, line: 1 },
  },
  {
    what: 'a column of another table',
    words: '--labels participants.tsv --label-column grade',
    code: 'NF_DATA_COLUMN',
    says: "'type'",
    at: TABLE,
  },
  {
    what: 'a value that the map lacks',
    words: '--label-column type --label-map partial.yaml',
    code: 'NF_SELECT_UNMAPPED',
    says: "'odd' (line 5)",
    at: { ...TABLE, line: 5, key: 'type' },
  },
  {
    what: 'a key that no row has',
    words: '--label-column type --label-map slip.yaml',
    code: 'NF_SELECT_MAP_KEY',
    says: "'plane'",
    at: { file: 'slip.yaml', line: 3, column: 1 },
  },
  {
    what: 'a label that is none',
    words: '--label-column type --label-map label.yaml',
    code: 'NF_SELECT_LABEL_MAP',
    says: 'a label is letters',
    at: { file: 'label.yaml', line: 2 },
  },
  {
    what: 'a key twice',
    words: '--label-column type --label-map twice.yaml',
    code: 'NF_SELECT_MAP_YAML',
    says: 'twice',
    at: { file: 'twice.yaml', line: 2 },
  },
  {
    what: 'a map that is not there',
    words: '--label-map nowhere.yaml',
    code: 'NF_PATH_MISSING',
    says: 'nowhere.yaml',
  },
  {
    what: 'a table that is not there',
    words: '--labels phenotype/none.tsv',
    code: 'NF_PATH_MISSING',
    says: 'none.tsv',
  },
  {
    what: 'a table that is none',
    words: '--labels ds/other/broken.tsv',
    code: 'NF_BIDS_PARTICIPANTS',
    says: "first column is not 'participant_id'",
    at: { file: join('ds', 'other', 'broken.tsv'), line: 1 },
  },
  {
    what: 'two labels for one subject',
    words: '--label-column grade',
    code: 'NF_SELECT_TWO_LABELS',
    says: 'I (line 2) and II (line 3)',
    at: { file: join('ds', 'phenotype', 'twice.tsv'), line: 3, key: 'grade' },
  },
  {
    what: 'images of which none is first',
    words: '--one-per subject',
    code: 'NF_SELECT_AMBIGUOUS',
    says: 'acq (hi, lo)',
  },
  {
    what: 'a volume that is no number',
    words: '--suffix bold --volume last',
    code: 'NF_SELECT_OPTION',
    says: 'mean or a number from 0',
  },
  {
    what: 'a negative volume',
    words: '--suffix bold --volume=-1',
    code: 'NF_SELECT_OPTION',
    says: 'mean or a number from 0',
  },
  {
    what: 'an unknown group column',
    words: '--group-column patient',
    code: 'NF_SPLIT_COLUMN',
    says: 'patient',
    at: { ...TABLE, line: 1 },
  },
];

/** Of the whole command; what a place says beside this is not asked for. */
async function refusal(command: string, { words, code, says, at }: Bad) {
  const { answer } = await runJson(['preprocess', command, 'ds', ...words.split(' ')], { cwd });
  expect(answer).toMatchObject({ status: 'error', exit_code: 4, error_code: code });
  expect(`${answer.message} ${answer.hint}`).toContain(says);
  const place = Object.fromEntries(Object.keys(at ?? {}).map((key) => [key, answer.location?.[key]]));
  const named = (value: unknown) =>
    typeof value === 'string'
      ? value
          .split(cwd)
          .at(-1)
          ?.replace(/^[\\/]/, '')
      : value;
  expect(Object.fromEntries(Object.entries(place).map(([key, value]) => [key, named(value)]))).toEqual(
    at ?? {},
  );
  expect(answer.hint).not.toBe('');
}

describe('a split is refused for', () => {
  it.each(CASES)('$what', async (bad) => {
    await refusal('split', { ...bad, words: `${bad.words} --out bad.json` });
  });
});

describe('a check', () => {
  it.each(CASES.filter(({ code }) => /MAP|FILTER|UNMAPPED/.test(code)).slice(0, 3))(
    'is refused for $what',
    (bad) => refusal('check', bad),
  );

  it('names a volume that is beyond the series, image by image', async () => {
    const words = ['preprocess', 'check', 'ds', '--suffix', 'bold', '--volume', '2', '--no-controls'];
    const { answer } = await runJson(words, { cwd });
    const { findings } = answer.data as { findings: { code: string; message: string }[] };
    expect(findings.filter(({ code }) => code === 'NF_DATA_IMAGE_VOLUME')).toHaveLength(4);
    expect(findings[0]?.message).toContain('has no volume 2: it has 2 volumes, counted from 0');
  });

  it('tells of labels that are odd, with their lines', async () => {
    const rows = ['a', 'a ', 'A', 'N/A', '"b"', 'b'].map((label, at) => [`sub-${at}`, label]);
    const images = rows.map(([id, label]) => [
      `${id}/anat/${id}_T1w.nii.gz`,
      { seed: Number(id?.slice(4)), bright: label === 'b' },
    ]);
    await makeTree(join(cwd, 'odd'), {
      'participants.tsv': tsv(['participant_id', 'diagnosis'], ...rows),
      ...Object.fromEntries(images),
    });
    const { answer } = await runJson(['preprocess', 'check', 'odd', '--no-controls'], { cwd });
    const { findings } = answer.data as {
      findings: { code: string; message: string; place: { line?: number } }[];
    };
    const told = findings
      .filter(({ code }) => code.startsWith('NF_CHECK_LABEL_'))
      .map(({ code, place }) => `${code} ${place.line}`);
    expect(told.sort()).toEqual([
      'NF_CHECK_LABEL_BLANKS 3',
      'NF_CHECK_LABEL_BLANKS 6',
      'NF_CHECK_LABEL_CASE 4',
      'NF_CHECK_LABEL_UNKNOWN 5',
    ]);
  });
});

describe('a job is refused', () => {
  it.each([
    ['for a table of labels outside the data set', 'labels: ../x.tsv', 'data.selection.labels'],
    ['for an entity that is none', 'filter: { session: x }', 'data.selection.filter.session'],
    ['for a volume that is none', 'volume: last', 'data.selection.volume'],
  ])('%s', async (_what, selection, key) => {
    const folder = `job-${key.split('.').at(-1)}`;
    await runJson(
      ['job', 'create', folder, '--template', 'mri-fedavg', '--set', 'data=ds', '--set', 'split=none.json'],
      { cwd },
    );
    const file = join(cwd, folder, 'job.yaml');
    const { readFile } = await import('node:fs/promises');
    const text = (await readFile(file, 'utf8')).replace(
      /^data: .*$/m,
      `data: { root: ../ds, selection: { ${selection} } }`,
    );
    await writeFile(file, text);
    const { answer } = await runJson(['job', 'validate', folder], { cwd });
    expect(answer).toMatchObject({ exit_code: 4, location: { key } });
  });
});
