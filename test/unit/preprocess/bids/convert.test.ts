import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertFolder } from '../../../../src/preprocess/bids/convert.ts';
import { findExamples } from '../../../../src/preprocess/bids/layout.ts';
import { readParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { sha256 } from '../../../../src/runtime/base/digest.ts';
import { lockFolder } from '../../../../src/runtime/base/files/lock.ts';
import { convertOptions as options } from '../../../support/convert-options.ts';
import { writeFiles } from '../../../support/write-files.ts';
import { encoder, headPicture, makeFolder, makeSource, toPng } from '../image/made-pictures.ts';

async function madeSource(classes: Readonly<Record<string, number>> = { glioma_tumor: 3, no_tumor: 2 }) {
  const root = await makeFolder();
  await makeSource(join(root, 'source'), classes);
  return root;
}

/** Path and digest of every file under a folder. */
async function digests(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.sort().map(async (file) => `${file.slice(folder.length)} ${sha256(await readFile(file))}`),
  );
}

const code = (name: string) => expect.objectContaining({ code: name });

describe('convertFolder', () => {
  it('writes a slice, a row and texts for each picture', async () => {
    const root = await madeSource();
    const summary = await convertFolder(options(root));
    const { rows } = await readParticipants(join(root, 'bids'));
    expect(summary.classes).toEqual({ glioma: { images: 3, kept: 3 }, no_tumor: { images: 2, kept: 2 } });
    expect(rows.map(({ id }) => id)).toEqual(['sub-0001', 'sub-0002', 'sub-0003', 'sub-0004', 'sub-0005']);
    const [first] = rows;
    expect(first?.values.get('diagnosis')).toBe('glioma');
    expect(first?.values.get('source_file')).toBe('glioma_tumor/a (10).png');
    expect(first?.values.get('width')).toBe('48');
    expect(await readdir(join(root, 'bids'))).toEqual(
      expect.arrayContaining([
        'README',
        'dataset_description.json',
        'desc-slice_T1w.json',
        'participants.json',
      ]),
    );
    expect((await readFile(join(root, 'bids', 'README'))).length).toBeGreaterThan(150);
    expect(await readdir(root)).toEqual(expect.not.arrayContaining(['bids.partial']));
  });

  it('keeps every pixel, top row first', async () => {
    const root = await madeSource();
    await convertFolder(options(root));
    const [[path = ''] = []] = await findExamples(join(root, 'bids'), 'sub-0001');
    const image = await readNifti(path);
    expect(image.shape).toEqual([48, 56, 1]);
    expect([...image.data]).toEqual([...headPicture(1).pixels]);
  });

  it('keeps 16 bits', async () => {
    const root = await madeSource();
    const deep = Uint16Array.from(headPicture(7).pixels, (value) => value * 256);
    const png = await encoder({ ...headPicture(7), pixels: deep })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    await writeFiles(root, { 'source/no_tumor/deep.png': png });
    const { converted } = await convertFolder(options(root));
    expect(converted.sixteen_bit).toBe(1);
    const [[path = ''] = []] = await findExamples(join(root, 'bids'), 'sub-0006');
    expect([...(await readNifti(path)).data]).toEqual([...deep]);
  });

  it('letterboxes, and masks the head, and says so', async () => {
    const root = await madeSource();
    await convertFolder(options(root, { processing: { size: 32, headMask: true } }));
    const [[path = ''] = []] = await findExamples(join(root, 'bids'), 'sub-0002');
    expect((await readNifti(path)).shape).toEqual([32, 32, 1]);
    const { rows } = await readParticipants(join(root, 'bids'));
    expect(rows[0]?.values.get('head_mask')).toBe('found');
    expect(Number(rows[0]?.values.get('head_lost'))).toBeLessThan(0.08);
    const sidecar = JSON.parse(await readFile(join(root, 'bids', 'desc-slice_T1w.json'), 'utf8'));
    expect(sidecar.Processing).toMatchObject({ Size: 32, HeadMask: { Margin: 0.06 } });
  });

  it('marks copies in other containers, the training copy kept', async () => {
    const root = await madeSource({
      'Testing/glioma_tumor': 1,
      'Training/glioma_tumor': 2,
      'Training/no_tumor': 2,
    });
    const twin = await encoder(headPicture(2)).png({ compressionLevel: 0 }).toBuffer();
    await writeFiles(root, { 'source/Testing/glioma_tumor/twin.png': twin });
    const summary = await convertFolder(options(root));
    const { rows } = await readParticipants(join(root, 'bids'));
    const row = rows.find(({ values }) => values.get('source_file') === 'Testing/glioma_tumor/twin.png');
    expect(row?.values.get('set_aside')).toBe('duplicate');
    expect(row?.values.get('source_split')).toBe('Testing');
    const kept = rows.find(({ id }) => id === row?.values.get('duplicate_of'));
    expect(kept?.values.get('source_file')).toBe('Training/glioma_tumor/a (10).png');
    expect(summary.set_aside).toEqual({ duplicate: 1, label_conflict: 0 });
    expect(await findExamples(join(root, 'bids'), row?.id ?? '')).toHaveLength(1);
  });

  const head = headPicture(77, 160, 180);
  const RETOUCHED: [string, () => Promise<Buffer>][] = [
    [
      'a wider black border',
      () => encoder(head).extend({ top: 50, left: 70, right: 20, background: 'black' }).png().toBuffer(),
    ],
    [
      'a cut border',
      () => encoder(head).extract({ left: 12, top: 12, width: 140, height: 160 }).png().toBuffer(),
    ],
    [
      'another size and border, as JPEG',
      () => encoder(head).resize(330).extend({ bottom: 150, background: 'black' }).jpeg().toBuffer(),
    ],
  ];
  it.each(RETOUCHED)('keeps a picture and its copy with %s together', async (_, copy) => {
    const root = await madeSource();
    await writeFiles(root, {
      'source/glioma_tumor/first.png': await toPng(head),
      'source/glioma_tumor/other.img': await copy(),
    });
    for (const headMask of [false, true]) {
      const target = join(root, `bids-${headMask}`);
      await convertFolder(options(root, { target, processing: { size: undefined, headMask } }));
      const groups = (await readParticipants(target)).rows.map(({ values }) => [
        values.get('source_file')?.split('/')[1],
        values.get('group_id'),
      ]);
      const found = Object.fromEntries(groups);
      expect(found['other.img']).toBe(found['first.png']);
      expect(new Set(Object.values(found)).size).toBe(Object.keys(found).length - 1);
    }
  });

  it('sets a picture aside that stands under two labels with two borders', async () => {
    const root = await madeSource();
    await writeFiles(root, {
      'source/glioma_tumor/first.png': await toPng(head),
      'source/no_tumor/other.png': (await RETOUCHED[0]?.[1]()) ?? '',
    });
    const summary = await convertFolder(options(root));
    expect(summary.label_conflicts.map((one) => one.source_files)).toEqual([
      ['glioma_tumor/first.png', 'no_tumor/other.png'],
    ]);
  });

  it('tells of mirror images, and leaves them where they are', async () => {
    const root = await madeSource();
    await writeFiles(root, {
      'source/glioma_tumor/first.png': await toPng(head),
      'source/no_tumor/turned.png': await encoder(head).flop().png().toBuffer(),
    });
    const summary = await convertFolder(options(root));
    expect(summary.mirrored).toEqual([['glioma_tumor/first.png', 'no_tumor/turned.png']]);
    expect(summary.set_aside).toEqual({ duplicate: 0, label_conflict: 0 });
  });

  it('gives the same bytes again, whatever the number of jobs', async () => {
    const root = await madeSource();
    await convertFolder(options(root, { jobs: 1 }));
    await convertFolder(options(root, { target: join(root, 'again'), jobs: 7 }));
    expect(await digests(join(root, 'again'))).toEqual(await digests(join(root, 'bids')));
  });

  it('goes on where a run was broken off, and ends with the same bytes', async () => {
    const root = await madeSource();
    await convertFolder(options(root, { target: join(root, 'whole') }));
    const stop = new AbortController();
    const broken = convertFolder(
      options(root, {
        jobs: 1,
        signal: stop.signal,
        progress: ({ what, done }) => what === 'images' && done === 3 && stop.abort('stopped'),
      }),
    );
    await expect(broken).rejects.toBe('stopped');
    await expect(readdir(join(root, 'bids'))).rejects.toThrow();
    // A power cut may leave half a line and half a file.
    await writeFile(join(root, 'bids.partial', 'journal.jsonl'), '{"path": "gl', { flag: 'a' });
    await writeFile(join(root, 'bids.partial/tree/sub-0002/anat/sub-0002_desc-slice_T1w.nii.gz'), 'half');
    const summary = await convertFolder(options(root));
    expect(summary.resumed).toBe(2);
    expect(await digests(join(root, 'bids'))).toEqual(await digests(join(root, 'whole')));
  });

  it('starts afresh when the source or the options changed', async () => {
    const root = await madeSource();
    const stop = new AbortController();
    const first = options(root, {
      jobs: 1,
      signal: stop.signal,
      progress: ({ what }) => what === 'images' && stop.abort('x'),
    });
    await expect(convertFolder(first)).rejects.toBe('x');
    const summary = await convertFolder(options(root, { processing: { size: 20, headMask: false } }));
    expect(summary.resumed).toBe(0);
  });

  it('waits for nobody: a second run on one target is refused while the first is alive', async () => {
    const root = await madeSource();
    await mkdir(join(root, 'bids.partial'));
    const release = await lockFolder(join(root, 'bids.partial', 'lock'), 'the first');
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_PATH_BUSY'));
    await release();
    await writeFile(join(root, 'bids.partial', 'lock'), '999999999');
    expect((await convertFolder(options(root))).images).toBe(5);
  });

  it('touches no folder of somebody else, whatever it is called', async () => {
    const root = await madeSource();
    await writeFiles(root, { 'bids.partial/thesis.txt': 'years of work' });
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_PATH_EXISTS'));
    expect(await readFile(join(root, 'bids.partial', 'thesis.txt'), 'utf8')).toBe('years of work');
  });

  it('reads odd names', async () => {
    const root = await madeSource();
    const names = [
      'a b [1] (2).png',
      'new\nline\t%41.png',
      'ünï\u0301 文.png',
      'a..b.png',
      '-rf.png',
      '$(x).png',
    ];
    for (const [at, name] of names.entries()) {
      await writeFiles(root, { [`source/no_tumor/${name}`]: await toPng(headPicture(50 + at)) });
    }
    const { images } = await convertFolder(options(root));
    expect(images).toBe(5 + names.length);
    const { rows } = await readParticipants(join(root, 'bids'));
    const files = rows.map(({ values }) => values.get('source_file'));
    expect(files).toContain('no_tumor/new%0Aline%09%2541.png');
    expect(files).toContain('no_tumor/ünï\u0301 文.png');
  });

  it('takes other folder names from a label map', async () => {
    const root = await madeSource({ AD: 2, __proto__x: 1, healthy: 2 });
    const labelMap = join(root, 'labels.yaml');
    await writeFile(labelMap, 'AD: alzheimer\n__proto__x: other\nhealthy: healthy\n');
    const { classes } = await convertFolder(options(root, { labelMap }));
    expect(Object.keys(classes).sort()).toEqual(['alzheimer', 'healthy', 'other']);
  });

  it('takes folders in class folders for patients, whose names stay behind', async () => {
    const root = await makeFolder();
    await makeSource(join(root, 'source'), {
      'glioma/DOE_JOHN': 2,
      'glioma/ROE_JANE/series 1': 1,
      'no_tumor/DOE_JOHN': 1,
      'no_tumor/POE_ANN': 2,
    });
    const summary = await convertFolder(options(root));
    expect(summary).toMatchObject({
      images: 6,
      kept: 6,
      patients_named: 6,
      groups: { count: 3, largest: 3 },
    });
    const table = await readFile(join(root, 'bids', 'participants.tsv'), 'utf8');
    expect(table).not.toMatch(/DOE|ROE|POE/);
  });

  it('knows the class folders of Kaggle whatever their case and blanks', async () => {
    const root = await madeSource({
      'Glioma Tumor': 1,
      'No Tumor': 1,
      NoTumor: 1,
      'pituitary-tumor': 1,
      Meningioma: 1,
    });
    const { classes } = await convertFolder(options(root));
    expect(Object.keys(classes).sort()).toEqual(['glioma', 'meningioma', 'no_tumor', 'pituitary']);
  });

  it('leaves folders and files out by pattern', async () => {
    const root = await madeSource({ yes: 2, no: 2, pred: 3 });
    const labelMap = join(root, 'labels.yaml');
    await writeFile(labelMap, 'yes: tumor\nno: no_tumor\n');
    await expect(convertFolder(options(root, { labelMap }))).rejects.toThrow(code('NF_BIDS_CLASS_UNKNOWN'));
    const { images } = await convertFolder(options(root, { labelMap, exclude: ['pred', 'yes/*(10)*'] }));
    expect(images).toBe(3);
    const unused = options(root, { labelMap, target: join(root, 'more'), exclude: ['pred', 'typo'] });
    await expect(convertFolder(unused)).rejects.toThrow(/'typo' leaves nothing out/);
  });

  it('writes nothing in a dry run, and reports all', async () => {
    const root = await madeSource();
    await writeFiles(root, { 'source/no_tumor/bad.png': '' });
    const { target, bad } = await convertFolder(options(root, { dryRun: true }));
    expect(target).toBeNull();
    expect(bad).toEqual([{ code: 'empty_file', path: 'no_tumor/bad.png', detail: 'the file has no bytes' }]);
    expect(await readdir(root)).toEqual(['source']);
  });

  it.each([{ dryRun: true }, { skipBad: true }])(
    'says what is wrong with all where none is left: %o',
    async (how) => {
      const root = await makeFolder();
      await writeFiles(root, { 'source/glioma/a.png': '', 'source/no_tumor/b.png': '' });
      await expect(convertFolder(options(root, how))).rejects.toThrow(code('NF_BIDS_BAD_IMAGES'));
    },
  );
});

describe('convertFolder refuses', () => {
  it('bad pictures, all of them at once, and leaves nothing', async () => {
    const root = await madeSource();
    const png = await toPng(headPicture(9, 200, 200));
    await writeFiles(root, {
      'source/no_tumor/empty.jpg': '',
      'source/no_tumor/text.jpg': 'not a picture',
      'source/no_tumor/cut.png': png.subarray(0, png.length >> 1),
      'source/glioma_tumor/folder/inner.png': png,
    });
    await symlink(join(root, 'source', 'no_tumor'), join(root, 'source', 'no_tumor', 'loop'));
    await symlink('/etc/hostname', join(root, 'source', 'glioma_tumor', 'outside.jpg'));
    await symlink('round.jpg', join(root, 'source', 'glioma_tumor', 'round.jpg'));
    const failed = convertFolder(options(root));
    await expect(failed).rejects.toThrow(code('NF_BIDS_BAD_IMAGES'));
    const { place, exitCode } = await failed.catch((error) => error);
    expect(exitCode).toBe(4);
    const lines = place.excerpt.split('\n').map((line: string) => line.replace(/,.*/, ''));
    expect(lines).toEqual([
      'glioma_tumor/folder: folder_in_class',
      'glioma_tumor/outside.jpg: link_outside',
      'glioma_tumor/round.jpg: link_broken',
      'no_tumor/cut.png: undecodable',
      'no_tumor/empty.jpg: empty_file',
      'no_tumor/loop: folder_in_class',
      'no_tumor/text.jpg: not_an_image',
    ]);
    expect(await readdir(root)).toEqual(['source']);
    const summary = await convertFolder(options(root, { skipBad: true }));
    expect(summary.images).toBe(5);
    expect(summary.bad).toHaveLength(7);
  });

  it('missing, empty and unknown folders', async () => {
    const root = await makeFolder();
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_PATH_MISSING'));
    await mkdir(join(root, 'source'));
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_BIDS_SOURCE_EMPTY'));
    await mkdir(join(root, 'source', 'glioma_tumor'));
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_BIDS_CLASS_EMPTY'));
    await mkdir(join(root, 'source', 'gliom_tumor'));
    const unknown = convertFolder(options(root));
    await expect(unknown).rejects.toThrow(/gliom_tumor.*Did you mean 'glioma_tumor'/);
    await rm(join(root, 'source'), { recursive: true });
    await writeFile(join(root, 'source'), 'a file');
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_BIDS_SOURCE_EMPTY'));
  });

  it('one class only, also when the other has bad pictures alone', async () => {
    const root = await madeSource({ glioma_tumor: 2 });
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_BIDS_ONE_CLASS'));
    await writeFiles(root, { 'source/no_tumor/bad.jpg': '' });
    const skipping = convertFolder(options(root, { skipBad: true }));
    await expect(skipping).rejects.toThrow(code('NF_BIDS_ONE_CLASS'));
    expect(await readdir(root)).toEqual(['source']);
  });

  it('a target that exists, or lies in the source, or holds it', async () => {
    const root = await madeSource();
    await mkdir(join(root, 'bids'));
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_PATH_EXISTS'));
    await symlink('nowhere', join(root, 'dangling'));
    const dangling = options(root, { target: join(root, 'dangling') });
    await expect(convertFolder(dangling)).rejects.toThrow(code('NF_PATH_EXISTS'));
    for (const target of [join(root, 'source', 'bids'), join(root, 'source'), root]) {
      await expect(convertFolder(options(root, { target }))).rejects.toThrow(code('NF_BIDS_PLACES'));
    }
    await symlink(join(root, 'source'), join(root, 'link'));
    const behindLink = options(root, { target: join(root, 'link', 'bids') });
    await expect(convertFolder(behindLink)).rejects.toThrow(code('NF_BIDS_PLACES'));
  });

  it('a class folder that is a link to elsewhere', async () => {
    const root = await madeSource();
    await cp(join(root, 'source', 'no_tumor'), join(root, 'elsewhere'), { recursive: true });
    await symlink(join(root, 'elsewhere'), join(root, 'source', 'pituitary_tumor'));
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_BIDS_BAD_IMAGES'));
    await rm(join(root, 'elsewhere'), { recursive: true });
    await expect(convertFolder(options(root))).rejects.toThrow(code('NF_PATH_MISSING'));
  });

  it.each([
    ['a: [', 'NF_SELECT_MAP_YAML'],
    ['a: x\na: y', 'NF_SELECT_MAP_YAML'],
    ['[{a: '.repeat(20_000), 'NF_SELECT_MAP_YAML'],
    ['&a [*a]', 'NF_SELECT_MAP_YAML'],
    ['- a', 'NF_BIDS_LABEL_MAP'],
    ['', 'NF_BIDS_LABEL_MAP'],
    ['a: 7', 'NF_BIDS_LABEL_MAP'],
    ['a: ../x', 'NF_BIDS_LABEL_MAP'],
  ])('the label map %j', async (text, name) => {
    const root = await madeSource();
    const labelMap = join(root, 'labels.yaml');
    await writeFile(labelMap, text);
    await expect(convertFolder(options(root, { labelMap }))).rejects.toThrow(code(name));
  });
});
