import { createHmac } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { importDicom } from '../../../../src/preprocess/dicom/import/run-import.ts';
import { decodeNifti, readNifti } from '../../../../src/preprocess/nifti/read.ts';
import { importOptions } from '../../../support/import-options.ts';
import {
  JANE,
  type MadeSeries,
  madeSeries,
  type Natural,
  SECRETS,
  SYNTAX,
  writeSeries,
} from '../../../support/made-dicom.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { headSlices, madeHead } from '../../../support/whole-head.ts';

const root = tempFolder();
let folders = 0;

const T1 =
  'version: 1\nrules:\n  - {name: t1, when: {ScanningSequence: GR}, suffix: T1w, entities: {acq: mprage}}\n';

interface Here {
  readonly source: string;
  readonly target: string;
  readonly map: string;
  readonly keyFile: string;
}

/** A folder with series, a map and places for key and target. */
async function here(series: readonly (readonly Uint8Array[])[], map = T1): Promise<Here> {
  const folder = join(root, `import-${++folders}`);
  for (const [at, files] of series.entries()) await writeSeries(join(folder, 'in', `DOE_JANE_${at}`), files);
  await writeFile(join(folder, 'map.yaml'), map);
  return {
    source: join(folder, 'in'),
    target: join(folder, 'bids'),
    map: join(folder, 'map.yaml'),
    keyFile: join(folder, 'keys', 'site.key'),
  };
}

function run(place: Here, more: Partial<Parameters<typeof importDicom>[0]> = {}) {
  return importDicom(importOptions(root, { ...place, jobs: 2, ...more }));
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Every secret that stands in the path, the bytes or the unpacked bytes of any file. */
async function secretsIn(folder: string): Promise<string[]> {
  const found = new Set<string>();
  for (const file of await filesOf(folder)) {
    const bytes = await readFile(file);
    const texts = [
      file.slice(folder.length),
      bytes.toString('latin1'),
      ...(file.endsWith('.gz') ? [gunzipSync(bytes).toString('latin1')] : []),
    ];
    for (const secret of SECRETS)
      if (texts.some((text) => text.toLowerCase().includes(secret.toLowerCase()))) found.add(secret);
  }
  return [...found];
}

const other = (values: Natural, of: MadeSeries = {}) =>
  madeSeries({
    ...of,
    values: { SeriesNumber: '4', SeriesInstanceUID: '1.2.826.0.1.3680043.10.999.2.77', ...values },
  });

describe('an import of DICOM', () => {
  it('makes BIDS in which no byte tells of the patient', async () => {
    const place = await here([madeSeries({ privates: { '00291010': 'DOE^JANE' } })]);
    const result = await run(place);
    expect(result).toMatchObject({ images: 1, subjects: 1, sessions: 1, key: { made: true } });
    const [image = ''] = result.series[0]?.images ?? [];
    expect(image).toMatch(/^(sub-[0-9a-f]{12})\/(ses-[0-9a-f]{8})\/anat\/\1_\2_acq-mprage_T1w$/);
    expect(await secretsIn(place.target)).toEqual([]);
    const names = (await filesOf(place.target)).map((file) => file.slice(place.target.length + 1)).sort();
    const [subject, session] = image.split('/');
    expect(names).toEqual(
      [
        'README',
        'T1w.json',
        'code/defacing.tsv',
        'code/deidentification.tsv',
        'code/neuroflare-dicom.json',
        'dataset_description.json',
        'participants.json',
        'participants.tsv',
        'scans.json',
        `${image}.json`,
        `${image}.nii.gz`,
        `${subject}/${session}/${subject}_${session}_scans.tsv`,
      ].sort(),
    );
    expect(JSON.parse(await readFile(join(place.target, 'T1w.json'), 'utf8'))).toMatchObject({
      InstitutionName: 'n/a',
    });
    const sidecar: unknown = JSON.parse(await readFile(join(place.target, `${image}.json`), 'utf8'));
    expect(sidecar).toMatchObject({
      EchoTime: 0.0025,
      RepetitionTime: 1.9,
      MagneticFieldStrength: 3,
      ManufacturersModelName: 'Imager 3000',
      DeidentificationMethod: expect.arrayContaining(['Faces are not removed']),
    });
    const removed = await readFile(join(place.target, 'code', 'deidentification.tsv'), 'utf8');
    expect(removed).toContain('0010,0010\t6\n');
    expect(removed).toContain('private\t6\n');
  });

  it('keeps voxels and where they lie', async () => {
    const place = await here([madeSeries({ slices: 4 })]);
    const { series } = await run(place);
    const { data, shape, affine } = await readNifti(join(place.target, `${series[0]?.images[0]}.nii.gz`));
    expect(shape).toEqual([16, 12, 4]);
    // Column x, row y of slice z lies at (x - 8, y - 6, z) to the left, back and top; NIfTI counts to the right, front and top.
    for (const [x, y, z] of [
      [0, 0, 0],
      [5, 7, 2],
      [15, 11, 3],
    ] as const) {
      const index = [8 - x, 6 - y, z].map(
        (place, axis) => (place - (affine[axis]?.[3] ?? 0)) / (affine[axis]?.[axis] ?? 0),
      );
      const [i = 0, j = 0, k = 0] = index;
      expect(data[i + 16 * j + 192 * k]).toBe((z * 37 + (x + 16 * y) * 11) % 4096);
    }
  });

  it.each([
    ['implicit', madeSeries({ syntax: SYNTAX.implicit })],
    ['big-endian', madeSeries({ syntax: SYNTAX.big })],
    ['without preamble', madeSeries().map((bytes) => bytes.subarray(132))],
  ])('reads files that are %s as others', async (_name, files) => {
    const voxels = async (series: readonly Uint8Array[]) => {
      const place = await here([series]);
      const { series: done } = await run(place);
      const bytes = await readFile(join(place.target, `${done[0]?.images[0]}.nii.gz`));
      return [...(await decodeNifti(bytes, 'x.nii.gz')).data];
    };
    expect(await voxels(files)).toEqual(await voxels(madeSeries()));
  });

  it('finds the same subject the next time, and adds what is new', async () => {
    const place = await here([madeSeries()]);
    const first = await run(place);
    const image = join(place.target, `${first.series[0]?.images[0]}.nii.gz`);
    const bytes = await readFile(image);
    const later = {
      StudyInstanceUID: '1.2.826.0.1.3680043.10.999.1.5',
      StudyDate: '20180925',
      AcquisitionDate: '20180925',
    };
    await writeSeries(join(place.source, 'later'), other(later));
    const second = await run(place);
    expect(second.series.map(({ outcome }) => outcome).sort()).toEqual(['converted', 'there_already']);
    expect(new Set([...first.series, ...second.series].map(({ subject }) => subject)).size).toBe(1);
    expect(second.key.made).toBe(false);
    expect(await readFile(image)).toEqual(bytes);
    const table = await readFile(join(place.target, 'participants.tsv'), 'utf8');
    expect(table.trimEnd().split('\n')).toHaveLength(2);
    expect(await secretsIn(place.target)).toEqual([]);
    const scans = (await filesOf(place.target)).filter((file) => file.endsWith('_scans.tsv'));
    const times = await Promise.all(
      scans.map(async (file) =>
        Date.parse(`${(await readFile(file, 'utf8')).trimEnd().split('\t').at(-1)}Z`),
      ),
    );
    const [one = 0, two = 0] = times.sort((a, b) => a - b);
    expect(two - one).toBe(7 * 86_400_000);
    expect(new Date(two).getUTCFullYear()).toBeLessThan(1925);
    expect(await readdir(join(place.target, '..'))).toEqual(['bids', 'in', 'keys', 'map.yaml']);
  });

  it('writes nothing through links in a data set that others had in between', async () => {
    const place = await here([madeSeries()]);
    const first = await run(place);
    const subject = join(place.target, first.series[0]?.subject ?? '');
    const outside = join(place.target, '..', 'outside');
    await rename(subject, outside);
    await symlink(outside, subject);
    const later = { StudyInstanceUID: '1.2.826.0.1.3680043.10.999.1.5', StudyDate: '20180925' };
    await writeSeries(join(place.source, 'later'), other(later));
    await expect(run(place)).rejects.toMatchObject({ code: 'NF_PATH_LINK', place: { file: subject } });
    expect(await readdir(outside)).toHaveLength(1);
  });

  it('gives another key other names, and refuses it for a data set that is there', async () => {
    const place = await here([madeSeries()]);
    const first = await run(place);
    const keyFile = join(place.keyFile, '..', 'other.key');
    await expect(run(place, { keyFile })).rejects.toMatchObject({ code: 'NF_DICOM_KEY_OTHER' });
    const second = await run(place, { keyFile, target: `${place.target}-2` });
    expect(second.series[0]?.subject).not.toBe(first.series[0]?.subject);
  });

  it('names subjects by HMAC-SHA256 of their id with the key, which only its owner reads', async () => {
    const place = await here([madeSeries()]);
    const { series } = await run(place);
    expect((await stat(place.keyFile)).mode & 0o777).toBe(0o600);
    const secret = Buffer.from((await readFile(place.keyFile, 'utf8')).split('\n')[1] ?? '', 'base64');
    const expected = createHmac('sha256', secret)
      .update(`subject\0${JANE.PatientID}\n`)
      .digest('hex')
      .slice(0, 12);
    expect(series[0]?.subject).toBe(`sub-${expected}`);
    await chmod(place.keyFile, 0o644);
    await expect(run(place)).rejects.toMatchObject({ code: 'NF_DICOM_KEY_OPEN' });
    await chmod(place.keyFile, 0o600);
    await writeFile(place.keyFile, 'something else\n');
    await expect(run(place)).rejects.toMatchObject({ code: 'NF_DICOM_KEY' });
    await expect(run(place, { keyFile: join(place.source, 'site.key') })).rejects.toMatchObject({
      code: 'NF_DICOM_KEY_INSIDE',
    });
  });

  it('fails where a sidecar, an entity, a label or a name would tell, without saying it', async () => {
    const scanner = await here([madeSeries({ values: { SequenceName: '*DOE_JANE' } })]);
    const failure = await run(scanner).catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'NF_DICOM_IDENTIFIER', place: { key: 'SequenceName' } });
    expect(SECRETS.filter((secret) => String((failure as Error).message).includes(secret))).toEqual([]);
    expect((await readdir(join(scanner.target, '..'))).sort()).toEqual(['in', 'keys', 'map.yaml']);
    const dropped = await here(
      [madeSeries({ values: { SequenceName: '*DOE_JANE' } })],
      `${T1}drop: [SequenceName]\n`,
    );
    await run(dropped);
    expect(await secretsIn(dropped.target)).toEqual([]);
    const entity = await here([madeSeries()], T1.replace('mprage', 'doe'));
    await expect(run(entity)).rejects.toMatchObject({
      code: 'NF_DICOM_IDENTIFIER',
      place: { key: 'entities' },
    });
    const named = await here([madeSeries()]);
    await expect(run(named, { name: 'Heads of Saint Elsewhere' })).rejects.toMatchObject({
      code: 'NF_DICOM_IDENTIFIER',
    });
  });

  it('takes labels from a table by patient id, and writes no id', async () => {
    const map = `${T1}labels: {table: labels.csv, id: mrn, label: finding}\n`;
    const place = await here(
      [madeSeries(), other({ PatientID: 'P-2', StudyInstanceUID: '1.2.826.0.1.3680043.10.999.1.8' })],
      map,
    );
    await writeFile(
      join(place.map, '..', 'labels.csv'),
      'finding,mrn,note\n"glioma, left",X-9,\nglioma,MRN-4711-77,"seen, twice"\n'.replace(
        '"glioma, left"',
        'meningioma',
      ),
    );
    const result = await run(place);
    expect(result).toMatchObject({ labels: { glioma: 1 }, unlabelled: 1 });
    const rows = (await readFile(join(place.target, 'participants.tsv'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows[0]).toEqual(['participant_id', 'diagnosis']);
    expect(
      rows
        .slice(1)
        .map(([, label]) => label)
        .sort(),
    ).toEqual(['glioma', 'n/a']);
    expect(await secretsIn(place.target)).toEqual([]);
    await writeFile(join(place.map, '..', 'labels.csv'), 'finding,mrn\nglioma,A\nnone,A\n');
    await expect(run({ ...place, target: `${place.target}-2` })).rejects.toMatchObject({
      code: 'NF_DICOM_LABELS',
      place: { line: 3 },
    });
  });

  it('refuses series that cannot be used, all at once, or leaves them out', async () => {
    const missing = other(
      {},
      { each: (index) => ({ ImagePositionPatient: ['0', '0', String(index < 3 ? index : index + 1)] }) },
    );
    const place = await here([madeSeries(), missing]);
    await expect(run(place)).rejects.toMatchObject({
      code: 'NF_DICOM_BAD_SERIES',
      place: { excerpt: expect.stringMatching(/^[0-9a-f]{8}: lacks slices \(missing_slices, 1\)/) },
    });
    expect((await readdir(join(place.target, '..'))).sort()).toEqual(['in', 'keys', 'map.yaml']);
    const result = await run(place, { skipBad: true });
    expect(result.series.map(({ outcome }) => outcome)).toEqual(['converted', 'refused']);
  });

  it('refuses a series of volumes as T1w once it is converted', async () => {
    const volumes = madeSeries({
      slices: 12,
      each: (index) => ({
        ImagePositionPatient: ['0', '0', String(index % 6)],
        AcquisitionNumber: '1',
        TemporalPositionIdentifier: String(1 + Math.floor(index / 6)),
      }),
    });
    const place = await here([volumes]);
    await expect(run(place)).rejects.toMatchObject({
      place: { excerpt: expect.stringContaining('not_three_axes') },
    });
  });

  it('names a series of which the converter makes nothing, and leaves out that one alone', async () => {
    // Compressed as its meta information says, which its pixels are not.
    const broken = other({ PixelData: undefined }).map((bytes) =>
      Buffer.concat([bytes, Buffer.from(BROKEN, 'latin1')]),
    );
    const place = await here([madeSeries(), broken.map((bytes) => asJpeg(bytes))]);
    await expect(run(place)).rejects.toMatchObject({
      place: { excerpt: expect.stringContaining('not_converted') },
    });
    const { series } = await run(place, { skipBad: true });
    expect(series.map(({ outcome }) => outcome).sort()).toEqual(['converted', 'refused']);
  });

  it('tells series of one name apart by runs, in the order of their times', async () => {
    const place = await here([other({ AcquisitionTime: '110000' }), madeSeries()]);
    const { series } = await run(place);
    expect(series.map(({ images }) => images[0]?.match(/run-\d/)?.[0]).sort()).toEqual(['run-1', 'run-2']);
    const scans = (await filesOf(place.target)).find((file) => file.endsWith('_scans.tsv')) ?? '';
    const times = (await readFile(scans, 'utf8'))
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t')[1] ?? '');
    expect(times).toEqual([...times].sort());
  });

  it('names the rule by which a series was left out', async () => {
    const scout = other({ ScanningSequence: 'SE' });
    const skip = '  - {name: scouts, when: {ScanningSequence: SE}, skip: true}\n';
    const { series } = await run(await here([madeSeries(), scout], `${T1}${skip}`), { dryRun: true });
    expect(series.map(({ outcome, rule }) => [outcome, rule])).toEqual([
      ['planned', 't1'],
      ['skipped', 'scouts'],
    ]);
  });

  it('names series that fit two rules or none', async () => {
    const twice = await here([madeSeries()], `${T1}  - {name: flash, when: {Modality: MR}, suffix: T2w}\n`);
    await expect(run(twice)).rejects.toMatchObject({
      code: 'NF_DICOM_MATCHED_TWICE',
      place: { excerpt: expect.stringMatching(/: t1, flash$/) },
    });
    const none = await here([madeSeries()], T1.replace('GR', 'SE'));
    await expect(run(none)).rejects.toMatchObject({ code: 'NF_DICOM_UNMATCHED' });
    const some = await here([madeSeries(), other({ ScanningSequence: 'SE' })]);
    expect((await run(some)).series.map(({ outcome }) => outcome)).toEqual(['converted', 'unmatched']);
  });

  it('shows in a dry run what would go where, and writes nothing, not even a key', async () => {
    const place = await here([madeSeries(), other({ ScanningSequence: 'SE' })]);
    const result = await run(place, { dryRun: true });
    expect(result).toMatchObject({
      target: null,
      series: [{ outcome: 'planned', rule: 't1' }, { outcome: 'unmatched' }],
    });
    expect((await readdir(join(place.target, '..'))).sort()).toEqual(['in', 'map.yaml']);
  });

  it('leaves times out where the map says so', async () => {
    const place = await here([madeSeries()], `${T1}dates: drop\n`);
    await run(place);
    const scans = (await filesOf(place.target)).find((file) => file.endsWith('_scans.tsv')) ?? '';
    expect((await readFile(scans, 'utf8')).trimEnd().split('\t').at(-1)).toBe('n/a');
  });

  it('refuses a target that something else made', async () => {
    const place = await here([madeSeries()]);
    await mkdir(place.target);
    await expect(run(place)).rejects.toMatchObject({ code: 'NF_PATH_EXISTS' });
    expect(await readdir(place.target)).toEqual([]);
    await expect(run(place, { target: join(place.source, 'bids') })).rejects.toMatchObject({
      code: 'NF_BIDS_PLACES',
    });
  });
});

/** Pixels in fragments: an empty table of offsets, one fragment of junk, the end. */
const BROKEN =
  '\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x08\0\0\0junkjunk\xfe\xff\xdd\xe0\0\0\0\0';

/** The same file under the transfer syntax of JPEG 2000; the UID of explicit files is as long, but for its end. */
function asJpeg(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1');
  const length = Buffer.from([22, 0]).toString('latin1');
  const changed = text.replace(
    /\x02\x00\x10\x00UI\x14\x001\.2\.840\.10008\.1\.2\.1\0/,
    `\x02\x00\x10\x00UI${length}1.2.840.10008.1.2.4.90`,
  );
  const out = Buffer.from(changed, 'latin1');
  out.writeUInt32LE(out.readUInt32LE(140) + 2, 140);
  return out;
}

const HEAD = headSlices(madeHead({ voxel: [5, 5, 6], shape: [38, 52, 36] }));
const BOTH = `version: 1
rules:
  - {name: t1, when: {SeriesNumber: 3}, suffix: T1w}
  - {name: slab, when: {SeriesNumber: 4}, suffix: T2w}
`;

describe('faces in an import of DICOM', () => {
  const series = () => [madeSeries(HEAD), other({})];

  it('are removed, with a mask and a row for each image; a rule may keep them', async () => {
    const place = await here(series(), BOTH.replace('suffix: T2w', 'suffix: T2w, deface: false'));
    const { faces } = await run(place, { deface: true });
    expect(faces.map(({ face }) => face).sort()).toEqual(['kept', 'removed']);
    const { image = '', removed_ml: ml } = faces.find(({ face }) => face === 'removed') ?? {};
    expect(ml).toBeGreaterThan(100);
    const { data } = await readNifti(join(place.target, `${image}.nii.gz`));
    const mask = await readNifti(
      join(place.target, 'derivatives/defacing', `${image.replace('_T1w', '_desc-faceT1w_mask')}.nii.gz`),
    );
    const least = data.reduce((low, value) => Math.min(low, value));
    expect(data.findIndex((value, at) => mask.data[at] === 1 && value !== least)).toBe(-1);
    const report = await readFile(join(place.target, 'code/defacing.tsv'), 'utf8');
    expect(report.split('\n').map((row) => row.split('\t').slice(1).join(' '))).toEqual(
      expect.arrayContaining([
        'face removed_ml brain_ml',
        expect.stringMatching(/^removed [\d.]+ \d+$/),
        'kept n/a n/a',
      ]),
    );
    const said = await readFile(join(place.target, `${image}.json`), 'utf8');
    expect(said).toContain('Quickshear');
    expect(await secretsIn(place.target)).toEqual([]);
  });

  it('stop the import where no head is found, and nothing is written; such series can be left out', async () => {
    const place = await here(series(), BOTH);
    await expect(run(place, { deface: true })).rejects.toMatchObject({
      code: 'NF_DICOM_BAD_SERIES',
      place: {
        excerpt: expect.stringMatching(/no head in which a face can be found \(no_head, 1\).*deface: false/),
      },
    });
    expect(await stat(place.target).catch(() => undefined)).toBeUndefined();
    const { faces, series: all } = await run(place, { deface: true, skipBad: true });
    expect(faces.map(({ face }) => face)).toEqual(['removed']);
    expect(all.map(({ outcome }) => outcome).sort()).toEqual(['converted', 'refused']);
  });
});
