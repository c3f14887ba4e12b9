import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ConvertOptions, convertFolder } from '../../../../src/preprocess/bids/convert.ts';
import { findExamples } from '../../../../src/preprocess/bids/layout.ts';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { findLesionMask } from '../../../../src/preprocess/picture/lesion-pictures.ts';
import { convertOptions } from '../../../support/convert-options.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { headPicture, makeFolder, toPng } from '../image/made-pictures.ts';
import {
  madeMask,
  madeVolume,
  metaHeader,
  nrrdHeader,
  toMetaImage,
  toMgh,
  toNifti,
  toNrrd,
  voxelBytes,
} from '../volume/made-volumes.ts';

const options = (root: string, more: Partial<ConvertOptions> = {}) =>
  convertOptions(root, { source: join(root, 'scans'), table: join(root, 'labels.csv'), ...more });

const code = (name: string) => expect.objectContaining({ code: name });
const TABLE = [
  'file,diagnosis,patient_id,hospital,visit',
  'a.nii.gz,glioma,DOE^JOHN,north,pre',
  'deep/b.mgz,glioma,DOE^JOHN,north,post',
  'c.nrrd,healthy,ROE^JANE,south,pre',
  'd.mha,healthy,POE^EDGAR,south,pre',
  'e.mhd,glioma,LEE^ANN,south,pre',
];

/** Volumes in five formats, and a table that names them. */
async function madeScans(table: readonly string[] | string | Uint8Array = TABLE): Promise<string> {
  const root = await makeFolder();
  const [a, b, c, d, e] = [1, 2, 3, 4, 5].map((seed) => madeVolume(seed));
  if (!a || !b || !c || !d || !e) throw new Error('five volumes');
  await writeFiles(root, {
    'scans/a.nii.gz': gzipSync(toNifti(a)),
    'scans/deep/b.mgz': gzipSync(toMgh(b)),
    'scans/c.nrrd': toNrrd(c),
    'scans/d.mha': toMetaImage(d),
    'scans/e.mhd': metaHeader(e, { ElementDataFile: 'e.raw' }),
    'scans/e.raw': voxelBytes(e.data),
    'labels.csv': typeof table === 'string' || table instanceof Uint8Array ? table : `${table.join('\n')}\n`,
  });
  return root;
}

async function everyText(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true });
  const texts = names.filter((name) => /README$|\.(tsv|json)$/.test(name));
  const contents = await Promise.all(texts.map((name) => readFile(join(folder, name), 'utf8')));
  return [...names, ...contents].join('\n');
}

describe('a table of volumes', () => {
  it('becomes participants with their voxels, groups, sites and sessions, and no name of a patient', async () => {
    const root = await madeScans();
    const summary = await convertFolder(options(root));
    expect(summary).toMatchObject({
      images: 5,
      kept: 5,
      classes: { glioma: { images: 3, kept: 3 }, healthy: { images: 2, kept: 2 } },
      patients_named: 5,
      groups: { count: 4, largest: 2 },
    });
    const { rows, columns } = await readParticipants(join(root, 'bids'));
    expect(columns).toEqual(
      expect.arrayContaining(['site', 'session', 'source_line', 'shape', 'voxel_size']),
    );
    const value = (row: number, column: string) => rows[row]?.values.get(column);
    expect([0, 1, 2, 3, 4].map((row) => value(row, 'site'))).toEqual([
      'north',
      'north',
      'south',
      'south',
      'south',
    ]);
    expect(value(0, 'group_id')).toBe(value(1, 'group_id'));
    expect(new Set([0, 2, 3, 4].map((row) => value(row, 'group_id'))).size).toBe(4);
    expect(value(1, 'source_line')).toBe('3');
    for (const [at, { id }] of rows.entries()) {
      const [[path = ''] = []] = await findExamples(join(root, 'bids'), id);
      const made = madeVolume(at + 1);
      const image = await readNifti(path);
      expect([image.shape, image.dtype]).toEqual([[...made.shape], 'int16']);
      expect([...image.data]).toEqual([...made.data]);
      expect(
        image.affine.flat().every((part, to) => Math.abs(part - (made.affine.flat()[to] ?? 0)) < 1e-3),
      ).toBe(true);
    }
    expect(await readdir(join(root, 'bids', 'sub-0002'))).toEqual(['ses-post']);
    expect(await everyText(join(root, 'bids'))).not.toMatch(/DOE|JOHN|ROE|POE|LEE/);
  });

  it('gives the same bytes again, and goes on where it was broken off', async () => {
    const root = await madeScans();
    await convertFolder(options(root, { target: join(root, 'whole'), jobs: 1 }));
    const stop = new AbortController();
    const broken = convertFolder(
      options(root, {
        jobs: 1,
        signal: stop.signal,
        progress: ({ what, done }) => what === 'images' && done === 3 && stop.abort('stopped'),
      }),
    );
    await expect(broken).rejects.toBe('stopped');
    expect(await readdir(root)).not.toContain('bids');
    expect((await convertFolder(options(root))).resumed).toBe(3);
    const digestsOf = async (folder: string) => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      return Promise.all(
        files
          .sort()
          .map(async (file) => [file.slice(folder.length), (await readFile(file)).toString('base64')]),
      );
    };
    expect(await digestsOf(join(root, 'bids'))).toEqual(await digestsOf(join(root, 'whole')));
  });

  it('has masks with their values in a derivative, where evaluation finds them', async () => {
    const root = await madeScans(['image,label,mask', 'a.nii.gz,glioma,masks/a.nii.gz', 'c.nrrd,healthy,']);
    await writeFiles(root, { 'scans/masks/a.nii.gz': gzipSync(toNifti(madeMask(madeVolume(1), 4))) });
    expect((await convertFolder(options(root))).masks).toBe(1);
    const mask = (await findLesionMask(join(root, 'bids'), 'sub-0001')) ?? '';
    expect([...(await readNifti(mask)).data]).toEqual([...madeMask(madeVolume(1), 4).data]);
    expect(await findLesionMask(join(root, 'bids'), 'sub-0002')).toBeUndefined();
    const { rows } = await readParticipants(join(root, 'bids'));
    expect(rows.map(({ values }) => values.get('lesion_voxels'))).toEqual(['27', undefined]);
  });

  it('finds copies whatever their format, and sets those under two labels aside', async () => {
    const root = await madeScans([
      ...TABLE,
      'copy.nii,glioma,ELSE,north,pre',
      'twin.mgh,healthy,MORE,south,pre',
    ]);
    await writeFiles(root, {
      'scans/copy.nii': toNifti(madeVolume(1)),
      'scans/twin.mgh': toMgh(madeVolume(5)),
    });
    const summary = await convertFolder(options(root));
    expect(summary.set_aside).toEqual({ duplicate: 1, label_conflict: 2 });
    const { rows } = await readParticipants(join(root, 'bids'));
    const [first, , , , , copy] = rows;
    expect(copy?.values.get('duplicate_of')).toBe('sub-0001');
    expect(copy?.values.get('group_id')).toBe(first?.values.get('group_id'));
  });

  it('keeps the images of one patient with two labels together, and aside none of them', async () => {
    const root = await madeScans([
      'file,label,patient',
      'a.nii.gz,ill,P1',
      'c.nrrd,well,P1',
      'd.mha,well,P2',
    ]);
    const summary = await convertFolder(options(root));
    expect(summary).toMatchObject({ kept: 3, groups: { count: 2 } });
  });
});

describe('a table of pictures', () => {
  it('takes patients for groups, and no likeness', async () => {
    const root = await makeFolder();
    const files: Record<string, Uint8Array> = {};
    // The same head twice but for one pixel: likeness would make it one group.
    for (const [name, seed] of [
      ['a', 1],
      ['b', 1],
      ['c', 2],
    ] as const) {
      const picture = headPicture(seed);
      picture.pixels[5] = name.charCodeAt(0);
      files[`scans/${name}.png`] = await toPng(picture);
    }
    await writeFiles(root, {
      ...files,
      'labels.csv': 'file;label;patient\na.png;x;1\nb.png;x;2\nc.png;y;1\n',
    });
    await convertFolder(options(root));
    const { rows } = await readParticipants(join(root, 'bids'));
    const groups = rows.map(({ values }) => values.get('group_id'));
    expect(groups).toEqual(['group-0001', 'group-0002', 'group-0001']);
  });
});

describe('the text of a table', () => {
  const rows = [
    ['file', 'label'],
    ['a.nii.gz', 'ill'],
    ['c.nrrd', 'well'],
  ];
  const joined = (mark: string, end = '\n') => rows.map((cells) => cells.join(mark)).join(end);
  const texts: readonly (readonly [what: string, text: string])[] = [
    ['commas', joined(',')],
    ['semicolons', joined(';')],
    ['tabs', joined('\t')],
    ['a byte order mark', `\uFEFF${joined(',')}`],
    ['CRLF', `${joined(',', '\r\n')}\r\n`],
    ['CR alone', joined(',', '\r')],
    [
      'quotes, blanks and a comma in a cell',
      '"file","note",label\n"a.nii.gz","big, ""old""", ill \nc.nrrd,"two\nlines",well\n',
    ],
    ["Excel's line of the delimiter", 'sep=;\r\nfile;label\r\na.nii.gz;ill\r\nc.nrrd;well\r\n'],
    ['empty lines and columns', `file,label,\n\na.nii.gz,ill,\n,,\nc.nrrd,well,\n\n`],
  ];
  it.each(texts)('may have %s', async (_, text) => {
    const root = await madeScans(text);
    const { classes } = await convertFolder(options(root));
    expect(classes).toEqual({ ill: { images: 1, kept: 1 }, well: { images: 1, kept: 1 } });
  });

  it('counts lines as an editor does, also behind a cell of several lines', async () => {
    const text = 'file,label,note\na.nii.gz,ill,"1\n2\n3"\n\ngone.nii,well,x\n';
    for (const [above, line] of [
      ['', 6],
      ['sep=,\r\n', 7],
    ] as const) {
      const root = await madeScans(`${above}${text}`);
      const error = await convertFolder(options(root)).catch((thrown) => thrown);
      expect(error.place).toMatchObject({ line });
    }
  });

  const bad: readonly (readonly [
    what: string,
    text: string | Uint8Array,
    says: RegExp,
    line: number | undefined,
  ])[] = [
    ['Latin-1', Buffer.from('file,label\na.nii.gz,\xe4\n', 'latin1'), /Latin-1/, 2],
    ['UTF-16', Buffer.from('\uFEFFfile,label', 'utf16le'), /UTF-16/, undefined],
    ['a workbook', Buffer.from('PK\x03\x04rest'), /Excel/, undefined],
    ['nothing', '', /empty/, undefined],
    ['a header alone', 'file,label\n', /no rows/, 1],
    ['a ragged row', 'file,label\na.nii.gz\n', /more or fewer cells/, 2],
    ['an open quote', 'file,label\n"a.nii.gz,ill\n', /quote is opened/, undefined],
    ['a column twice', 'file,label,label\na.nii.gz,ill,ill\n', /'label' is there twice/, 1],
  ];
  it.each(bad)('is refused with %s', async (_, text, says, line) => {
    const root = await madeScans(text);
    const error = await convertFolder(options(root)).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'NF_TABLE_UNREADABLE',
      exitCode: 4,
      message: expect.stringMatching(says),
    });
    if (line !== undefined) expect(error.place.line).toBe(line);
    expect((await readdir(root)).sort()).toEqual(['labels.csv', 'scans']);
  });
});

describe('the columns of a table', () => {
  it('are those that are named, whatever they are called', async () => {
    const root = await madeScans('where,what,who,file\na.nii.gz,ill,1,x\nc.nrrd,well,2,y\n');
    const columns = { file: 'where', label: 'what', group: 'who' };
    expect((await convertFolder(options(root, { columns }))).patients_named).toBe(2);
  });

  const bad: readonly (readonly [
    what: string,
    header: string,
    columns: NonNullable<ConvertOptions['columns']>,
    says: RegExp,
  ])[] = [
    ['none for the file', 'scan,label', {}, /Image file: no column/],
    ['none for the label', 'file,result', {}, /Label: no column/],
    ['two for the label', 'file,label,diagnosis', {}, /'label' and 'diagnosis' may be it/],
    ['two for the patient', 'file,label,Subject ID,patient', {}, /Patient: 'Subject ID' and 'patient'/],
    ['one that is not there', 'file,label', { label: 'lable' }, /no column 'lable'\. Did you mean 'label'\?/],
    [
      'several, all of them named',
      'scan,label,diagnosis,site,hospital',
      { group: 'who' },
      /Image file: no .*Label: 'label' and .*Patient: it has no column 'who'\..*Site: 'site' and 'hospital'/,
    ],
    ['one for two things', 'file,label', { label: 'file' }, /'file' is named for the image file, too/],
  ];
  it.each(bad)('are refused: %s', async (_, header, columns, says) => {
    const width = header.split(',').length;
    const root = await madeScans(`${header}\n${Array(width).fill('x').join(',')}\n`);
    const error = await convertFolder(options(root, { columns })).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'NF_TABLE_COLUMN',
      message: expect.stringMatching(says),
      place: { line: 1 },
    });
    expect(error.hint).toContain(header.replaceAll(',', ', '));
  });
});

const ROW_FAULTS: readonly (readonly [what: string, rows: readonly string[], says: RegExp, line: number])[] =
  [
    ['a file outside', ['../secret.nii,glioma,1,n,pre'], /outside of the source/, 7],
    ['an absolute file outside', ['/etc/passwd,glioma,1,n,pre'], /outside of the source/, 7],
    ['a link that leads out', ['out.nii,glioma,1,n,pre'], /outside of the source/, 7],
    ['a file twice', ['./deep/../a.nii.gz,glioma,DOE^JOHN,north,pre'], /the file of line 2$/, 7],
    [
      'a file under two labels',
      ['a.nii.gz,healthy,DOE^JOHN,north,pre'],
      /the file of line 2, under another label/,
      7,
    ],
    ['a file of a drive', ['C:\\scans\\f.nii,glioma,1,n,pre'], /drive or share of Windows/, 7],
    ['a file of a share', ['\\\\nas\\scans\\f.nii,glioma,1,n,pre'], /drive or share of Windows/, 7],
    ['no file', [',glioma,1,n,pre'], /names no file/, 7],
    ['no label', ['f.nii,n/a,1,n,pre'], /has no label/, 7],
    ['no patient', ['f.nii,glioma,,n,pre'], /has no patient/, 7],
    ['no site', ['f.nii,glioma,1,,pre'], /has no site/, 7],
    ['a site that is no name', ['f.nii,glioma,1,a b/c,pre'], /site that is no name/, 7],
    ['a session that is a date', ['f.nii,glioma,1,n,2021-03-04'], /session.*date/, 7],
    ['a label that is no name', ['f.nii,Grade IV,1,n,pre'], /'Grade IV', that is no name of a class/, 7],
    ['a label in another spelling', ['f.nii,Glioma,1,n,pre'], /'Glioma', line 2 has 'glioma'/, 7],
    ['a patient at two sites', ['f.nii,glioma,DOE^JOHN,south,pre'], /patient of line 2 at another site/, 7],
    ['a picture among volumes', ['g.png,glioma,1,n,pre'], /a picture, line 2 a volume/, 7],
  ];

describe('the rows of a table', () => {
  it.each(ROW_FAULTS)('are refused with the line: %s', async (_, rows, says, line) => {
    const root = await madeScans([...TABLE, ...rows]);
    await writeFiles(root, {
      'scans/f.nii': toNifti(madeVolume(9)),
      'scans/g.png': await toPng(headPicture(1)),
      'secret.nii': toNifti(madeVolume(8)),
    });
    await symlink(join(root, 'secret.nii'), join(root, 'scans', 'out.nii'));
    const error = await convertFolder(options(root, { skipBad: true })).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'NF_TABLE_ROWS', exitCode: 4, place: { line } });
    expect(error.place.excerpt).toMatch(says);
    expect(`${error.message} ${error.place.excerpt}`).not.toMatch(/DOE|passwd|secret|2021/);
    expect((await readdir(root)).sort()).toEqual(['labels.csv', 'scans', 'secret.nii']);
  });

  it('are all named at once', async () => {
    const root = await madeScans([...TABLE, 'a.nii.gz,glioma,DOE^JOHN,north,pre', ',x,1,n,pre']);
    const error = await convertFolder(options(root)).catch((thrown) => thrown);
    expect(error.place.excerpt.split('\n')).toEqual([
      'line 7 names the file of line 2',
      'line 8 names no file',
    ]);
  });

  it('that are wrong alike are named in one line, with all that is wrong and what was written', async () => {
    const rows = [2, 3, 4, 6].map((at) => `f${at}.nii,kein Tumor,${at},Nord Klinik,pre`);
    const root = await madeScans([
      TABLE[0] ?? '',
      ...rows.slice(0, 3),
      'a.nii.gz,glioma,9,n,pre',
      ...rows.slice(3),
    ]);
    const error = await convertFolder(options(root)).catch((thrown) => thrown);
    expect(error.message).toMatch(/^4 rows of the table/);
    expect(error.place.excerpt.split('\n')).toEqual([
      expect.stringMatching(/^line 2 \(and 3 to 4, 6\) has a label, 'kein Tumor', that is no name/),
      expect.stringMatching(/^line 2 \(and 3 to 4, 6\) has a site that is no name .*: 'Nord Klinik'$/),
    ]);
  });

  it('whose files are missing are named in the order of their lines', async () => {
    const rows = Array.from({ length: 11 }, (_, at) => `gone${at}.nii,ill`);
    const root = await madeScans(['file,label', ...rows]);
    const error = await convertFolder(options(root)).catch((thrown) => thrown);
    const lines = [...error.place.excerpt.matchAll(/csv:(\d+)/g)].map(([, line]) => Number(line));
    expect(lines.slice(0, 10)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(error.place.line).toBe(2);
  });

  it('may have the label none, which is a class', async () => {
    const root = await madeScans(TABLE.map((row) => row.replace('healthy', 'none')));
    await convertFolder(options(root));
    const { rows } = await readParticipants(join(root, 'bids'));
    expect(rows.map(({ values }) => values.get('diagnosis')).sort()).toEqual([
      'glioma',
      'glioma',
      'glioma',
      'none',
      'none',
    ]);
  });

  it('may have absolute paths and those of Windows, inside the source', async () => {
    const root = await madeScans('');
    const table = ['file,label', `${join(root, 'scans', 'a.nii.gz')},ill`, 'deep\\b.mgz,well'];
    await writeFile(join(root, 'labels.csv'), table.join('\n'));
    expect((await convertFolder(options(root))).images).toBe(2);
  });

  it('take labels from a map, and leave files out by pattern', async () => {
    const root = await madeScans([
      'file,label',
      'a.nii.gz,Grade IV',
      'deep/b.mgz,0',
      'c.nrrd,0',
      'gone.nii,7',
    ]);
    const labelMap = join(root, 'map.yaml');
    await writeFile(labelMap, 'Grade IV: high\n0: none_found\n');
    await expect(convertFolder(options(root, { labelMap }))).rejects.toThrow(code('NF_TABLE_ROWS'));
    await writeFile(labelMap, 'Grade IV: high\n0: none_found\n7: other\n');
    const { classes } = await convertFolder(options(root, { labelMap, exclude: ['gone.*', 'deep/*'] }));
    expect(Object.keys(classes).sort()).toEqual(['high', 'none_found']);
    await mkdir(join(root, 'more'));
    const typo = options(root, { labelMap, target: join(root, 'more', 'bids'), exclude: ['gome.*'] });
    await expect(convertFolder(typo)).rejects.toThrow(code('NF_BIDS_EXCLUDE'));
  });
});

const FILE_FAULTS: readonly (readonly [
  what: string,
  name: string,
  content: () => Uint8Array | undefined,
  fault: string,
])[] = [
  ['that is missing', 'f.nii', () => undefined, 'missing'],
  ['of another kind', 'f.nii', () => Buffer.from('text'), 'NF_NIFTI_HEADER_SHORT'],
  [
    'that is cut off',
    'f.nii.gz',
    () => gzipSync(toNifti(madeVolume(9))).subarray(0, 2000),
    'NF_NIFTI_GZIP_TRUNCATED',
  ],
  [
    'with a bomb',
    'f.mgz',
    () => gzipSync(Buffer.concat([toMgh(madeVolume(9)), Buffer.alloc(2 ** 25)])),
    'NF_VOLUME_DATA',
  ],
  [
    'whose voxels are missing',
    'f.mhd',
    () => Buffer.from(metaHeader(madeVolume(9), { ElementDataFile: 'f.raw' })),
    'NF_VOLUME_DATA_FILE',
  ],
  [
    'that shows nothing',
    'f.nii',
    () => toNifti({ ...madeVolume(9), data: new Int16Array(20 * 24 * 18) }),
    'NF_VOLUME_BLANK',
  ],
];

describe('a file of a table', () => {
  it.each(FILE_FAULTS)('%s is named by its line, or left out on request', async (_, name, content, fault) => {
    const root = await madeScans([...TABLE, `${name},glioma,JIM^DOE,north,pre`]);
    const bytes = content();
    if (bytes) await writeFiles(root, { [`scans/${name}`]: bytes });
    const error = await convertFolder(options(root)).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'NF_BIDS_BAD_IMAGES',
      exitCode: 4,
      place: { file: join(root, 'labels.csv'), line: 7 },
    });
    expect(error.place.excerpt).toMatch(new RegExp(`^labels\\.csv:7: ${fault}, `));
    expect(error.place.excerpt).not.toContain(`/${name}`);
    expect(error.place.excerpt).not.toContain('JIM');
    expect((await readdir(root)).sort()).toEqual(['labels.csv', 'scans']);
    const { bad, images } = await convertFolder(options(root, { skipBad: true }));
    expect([images, bad.length]).toEqual([5, 1]);
    expect(await readdir(join(root, 'bids'))).not.toContain('sub-0006');
  });

  it.each([
    ['on another grid', () => madeMask(madeVolume(1, [20, 24, 17])), 'NF_VOLUME_GRID'],
    [
      'that lies elsewhere',
      () => ({
        ...madeMask(madeVolume(1)),
        affine: [
          [1, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
          [0, 0, 0, 1],
        ] as const,
      }),
      'NF_VOLUME_GRID',
    ],
    ['that is an image', () => madeVolume(2), 'NF_VOLUME_MASK_VALUE'],
  ])('may not have a mask %s', async (_, mask, fault) => {
    const root = await madeScans(['file,label,mask', 'a.nii.gz,ill,m.nii', 'c.nrrd,well,']);
    await writeFiles(root, { 'scans/m.nii': toNifti(mask()) });
    const error = await convertFolder(options(root)).catch((thrown) => thrown);
    expect(error.place.excerpt).toContain(`labels.csv:2: ${fault}, `);
    await expect(convertFolder(options(root, { skipBad: true }))).rejects.toThrow(code('NF_BIDS_ONE_CLASS'));
    expect((await readdir(root)).sort()).toEqual(['labels.csv', 'scans']);
  });

  it.each([
    ['f.mhd', metaHeader(madeVolume(9), { ElementDataFile: 'f.raw' })],
    ['f.mha', metaHeader(madeVolume(9), { ElementDataFile: 'f.raw' })],
    ['f.nrrd', nrrdHeader(madeVolume(9), { 'data file': 'f.raw' })],
  ])('may not have voxels behind a link that leads out: %s', async (name, header) => {
    const root = await madeScans([...TABLE, `${name},glioma,JIM^DOE,north,pre`]);
    await writeFiles(root, {
      [`scans/${name}`]: header,
      'f.raw': voxelBytes(madeVolume(9).data),
    });
    await symlink(join(root, 'f.raw'), join(root, 'scans', 'f.raw'));
    const error = await convertFolder(options(root)).catch((thrown) => thrown);
    expect(error.place.excerpt).toMatch(/^labels\.csv:7: link_outside, /);
  });

  it('is not resized', async () => {
    const root = await madeScans();
    const sized = convertFolder(options(root, { processing: { size: 64, headMask: false } }));
    await expect(sized).rejects.toThrow(code('NF_BIDS_PICTURES_ONLY'));
  });
});
