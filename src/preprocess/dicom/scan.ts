import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { addAll } from '../../runtime/base/add-all.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { noProgress, type Progress } from '../../runtime/base/logging/progress.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { type FileFacts, factsOf, geometryOf, inGroups, MR_IMAGES, mosaicSlices } from './facts.ts';
import { filesBelow } from './folder.ts';
import type { DicomHeader } from './header.ts';
import { Identifiers } from './identifiers.ts';
import { Persons } from './persons.ts';
import { lookAt, NO_IMAGE, type NoImage } from './read-header.ts';
import { matrixOf, type SeriesValues, valuesOf } from './values.ts';

/** Who a series is of, as far as its header says. Never leaves the process. */
export interface Patient {
  /** Patient id and who issued it; of a patient without id the study. */
  readonly key: string;
  readonly isNamed: boolean;
  readonly id: string | undefined;
}

export interface ScannedSeries {
  /** Study and series UID; never leaves the process. */
  readonly key: string;
  readonly study: string;
  readonly patient: Patient;
  /** Of the first file by path. */
  readonly values: SeriesValues;
  readonly matrix: readonly [number, number];
  readonly spacing: readonly [number, number] | undefined;
  readonly between: number | undefined;
  /** Slices of a mosaic; undefined for other series. */
  readonly mosaic: number | undefined;
  readonly frames: number;
  readonly isMr: boolean;
  readonly isLocalizer: boolean;
  readonly isLossy: boolean;
  readonly syntaxes: readonly string[];
  /** Earliest beginning of its images, `YYYYMMDDHHMMSS`; undefined where no date is said. */
  readonly time: string | undefined;
  /** Sorted by path; of equal copies the first. */
  readonly files: readonly FileFacts[];
  readonly copies: number;
  readonly copiesDiffer: number;
  readonly isOfSeveral: boolean;
}

export interface FolderScan {
  readonly series: readonly ScannedSeries[];
  readonly identifiers: Identifiers;
  readonly files: Readonly<Record<NoImage | 'images' | 'not_followed', number>>;
  /** Paths of files that are no images, with the reason. */
  readonly others: readonly { readonly path: string; readonly reason: NoImage }[];
  /** Files that a DICOMDIR lists and that are not there. */
  readonly missingListed: number;
}

export interface ScanOptions {
  readonly source: string;
  /** Files looked at at once. */
  readonly jobs: number;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Looks at the header of every file below a folder and sorts images into series. Of each file a few hundred bytes are kept, whatever its size.
 * @throws NF_PATH_MISSING, NF_DICOM_NO_FOLDER, NF_DICOM_NOTHING
 */
export async function scanFolder(options: ScanOptions): Promise<FolderScan> {
  const { source, jobs, signal, progress = noProgress } = options;
  const { files, notFollowed } = await filesBelow(source);
  const gathering = new Gathering();
  let done = 0;
  await mapPool(files, { jobs, signal }, async (path) => {
    const look = await lookAt(path);
    if ('header' in look) gathering.addImage(look.header, { path, size: look.size });
    else gathering.addOther(path, look);
    progress({ what: 'files looked at', done: ++done, total: files.length });
  });
  if (gathering.images === 0) {
    throw flError('NF_DICOM_NOTHING', { path: source, files: files.length }, { place: { file: source } });
  }
  return gathering.finish(new Set(files), notFollowed);
}

interface Draft {
  readonly study: string;
  readonly patient: Patient;
  readonly files: FileFacts[];
  readonly syntaxes: Set<string>;
  readonly persons: Set<string>;
  first: { readonly path: string; readonly of: ReturnType<typeof firstOf> };
  time: string | undefined;
}

class Gathering {
  readonly #series = new Map<string, Draft>();
  readonly #identifiers = new Identifiers();
  readonly #others: { path: string; reason: NoImage }[] = [];
  readonly #listed: string[] = [];
  readonly #persons = new Persons();
  images = 0;

  addImage(header: DicomHeader, file: { path: string; size: number }): void {
    this.images++;
    this.#identifiers.add(header);
    const study = header.text('0020,000d') ?? '';
    const key = `${study}\n${header.text('0020,000e') ?? ''}`;
    const patient = patientOf(header, study);
    const draft = this.#series.get(key) ?? this.#begin({ key, study, patient, header, path: file.path });
    draft.files.push(factsOf(header, file));
    draft.syntaxes.add(header.syntax);
    draft.persons.add(patient.key);
    if (patient.isNamed) this.#persons.note(patient.key, header);
    const time = timeOf(header);
    if (time !== undefined && (draft.time === undefined || time < draft.time)) draft.time = time;
    if (compareText(file.path, draft.first.path) < 0) draft.first = { path: file.path, of: firstOf(header) };
  }

  addOther(path: string, { reason, listed = [] }: { reason: NoImage; listed?: readonly string[] }): void {
    this.#others.push({ path, reason });
    addAll(
      this.#listed,
      listed.map((name) => join(dirname(path), name)),
    );
  }

  async finish(there: ReadonlySet<string>, notFollowed: number): Promise<FolderScan> {
    const lower = new Set([...there].map((path) => path.toLowerCase()));
    const series = await Promise.all([...this.#series].map(([key, draft]) => this.#close(key, draft)));
    const count = (reason: NoImage) => this.#others.filter((other) => other.reason === reason).length;
    return {
      series: series.sort((a, b) => compareText(a.files[0]?.path ?? '', b.files[0]?.path ?? '')),
      identifiers: this.#identifiers,
      files: {
        images: this.images,
        not_followed: notFollowed,
        ...(Object.fromEntries(NO_IMAGE.map((reason) => [reason, count(reason)])) as Record<NoImage, number>),
      },
      others: this.#others.sort((a, b) => compareText(a.path, b.path)),
      missingListed: this.#listed.filter((path) => !lower.has(path.toLowerCase())).length,
    };
  }

  #begin(of: { key: string; study: string; patient: Patient; header: DicomHeader; path: string }): Draft {
    const draft: Draft = {
      study: of.study,
      patient: of.patient,
      files: [],
      syntaxes: new Set(),
      persons: new Set(),
      first: { path: of.path, of: firstOf(of.header) },
      time: undefined,
    };
    this.#series.set(of.key, draft);
    return draft;
  }

  async #close(key: string, draft: Draft): Promise<ScannedSeries> {
    const { study, patient, syntaxes, persons, first, time } = draft;
    const sorted = draft.files.sort((a, b) => compareText(a.path, b.path));
    const { kept, differ } = await withoutCopies(sorted);
    return {
      key,
      study,
      patient,
      ...first.of,
      syntaxes: [...syntaxes].sort(),
      time,
      files: kept,
      copies: sorted.length - kept.length - differ,
      copiesDiffer: differ,
      isOfSeveral: persons.size > 1 || this.#persons.areSeveral(patient.key),
    };
  }
}

function firstOf(header: DicomHeader) {
  const values = valuesOf(header);
  const { spacing, frames } = geometryOf(header);
  return {
    values,
    matrix: matrixOf(header),
    spacing,
    between:
      header.number('0018,0088') ?? inGroups(header, '0028,9110', (measures) => measures.number('0018,0050')),
    mosaic: mosaicSlices(header),
    frames,
    isMr: MR_IMAGES.has(header.text('0008,0016') ?? '') || values.Modality[0] === 'MR',
    isLocalizer: header.texts('0008,0008').some((word) => /^LOCALI[SZ]ER$/i.test(word)),
    isLossy: header.text('0028,2110') === '01',
  };
}

function patientOf(header: DicomHeader, study: string): Patient {
  const id = header.text('0010,0020');
  const isNamed = id !== undefined;
  return { id, isNamed, key: isNamed ? `${id}\n${header.text('0010,0021') ?? ''}` : `study\n${study}` };
}

function timeOf(header: DicomHeader): string | undefined {
  const whole = header.text('0008,002a');
  if (whole !== undefined && /^\d{14}/.test(whole)) return whole.slice(0, 14);
  for (const [date, time] of [
    ['0008,0022', '0008,0032'],
    ['0008,0021', '0008,0031'],
    ['0008,0020', '0008,0030'],
  ] as const) {
    const day = header.text(date)?.replaceAll('.', '');
    if (day === undefined || !/^\d{8}$/.test(day)) continue;
    return `${day}${(header.text(time)?.replaceAll(':', '') ?? '').padEnd(6, '0').slice(0, 6)}`;
  }
  return undefined;
}

/** Files of one instance UID: equal ones are there once, different ones are counted. */
async function withoutCopies(files: readonly FileFacts[]): Promise<{ kept: FileFacts[]; differ: number }> {
  const kept: FileFacts[] = [];
  let differ = 0;
  for (const same of Map.groupBy(files, ({ sopUid }) => sopUid).values()) {
    const [first, ...more] = same;
    if (!first) continue;
    if (first.sopUid === '' || more.length === 0) {
      addAll(kept, same);
      continue;
    }
    kept.push(first);
    const digest = await digestOf(first.path);
    for (const other of more) if ((await digestOf(other.path)) !== digest) differ++;
  }
  return { kept: kept.sort((a, b) => compareText(a.path, b.path)), differ };
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
  return hash.digest('hex');
}
