import { join } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import type { Examination, ExaminationSource, SourceTexts } from '../bids/examination.ts';
import type { Fault } from '../image/fault.ts';
import { readVolume } from '../volume/read-volume.ts';
import { type CaseRow, readCaseTable } from './case-table.ts';
import type { LabelMap } from './label-map.ts';
import { fileFault, filesOfVolumes } from './list-folder.ts';
import type { NamedColumns } from './table-columns.ts';

/** Head scans of one case of a challenge, on one grid. */
export interface Case {
  /** What the challenge calls it. */
  readonly name: string;
  readonly patient: string;
  /** By the folder it lies in, where such a folder says it. */
  readonly label: string | undefined;
  /** Paths relative to the source. */
  readonly images: readonly { readonly name: string; readonly path: string }[];
  readonly mask: string | undefined;
}

export interface ChallengeOptions {
  /** As the user typed it, and its real path. */
  readonly source: string;
  readonly root: string;
  /** Names of cases with their labels; undefined where the folders say them. */
  readonly table: string | undefined;
  readonly columns: NamedColumns;
  readonly labels: LabelMap | undefined;
}

/**
 * Cases with their labels. All of them must have the same images.
 * @throws NF_BIDS_NO_LABELS, NF_TABLE_*
 */
export async function caseSource(
  cases: readonly Case[],
  options: ChallengeOptions,
  texts: SourceTexts,
): Promise<ExaminationSource> {
  const { source, table } = options;
  const rows = table === undefined ? undefined : await readCaseTable(table, { ...options, cases });
  if (!rows && cases.every(({ label }) => label === undefined)) {
    throw flError('NF_BIDS_NO_LABELS', { path: source, count: cases.length }, { place: { file: source } });
  }
  const wanted = [...new Set(cases.flatMap(({ images }) => images.map(({ name }) => name)))].sort();
  const examinations: Examination[] = [];
  const faults: Fault[] = [];
  for (const one of cases) {
    const row = rows ? rows.get(one.name) : undefined;
    const found = await examinationOf(one, { options, row, wanted });
    if ('key' in found) examinations.push(found);
    else faults.push(found);
  }
  return {
    kind: 'volumes',
    examinations: examinations.sort((a, b) => compareText(a.key, b.key)),
    faults,
    texts,
  };
}

async function examinationOf(
  one: Case,
  what: { options: ChallengeOptions; row: CaseRow | undefined; wanted: readonly string[] },
): Promise<Examination | Fault> {
  const { options, row, wanted } = what;
  const { source, root } = options;
  const [first] = one.images;
  const at = { path: one.name, place: { file: join(source, first?.path ?? '') } };
  const told = one.label === undefined ? undefined : (options.labels?.get(one.label) ?? one.label);
  const label = options.table === undefined ? told : row?.label;
  if (label === undefined) return { ...at, code: 'no_label', detail: 'nothing says which class it is of' };
  const missing = wanted.find((name) => !one.images.some((image) => image.name === name));
  if (missing !== undefined)
    return { ...at, code: 'missing', detail: `no ${missing}, which other cases have` };
  const paths = [...one.images.map(({ path }) => path), ...(one.mask === undefined ? [] : [one.mask])];
  for (const path of paths) {
    const fault = await fileFault(root, join(root, path));
    if (fault) return { ...fault, path, place: { file: join(source, path) } };
  }
  const found = await filesOfVolumes(
    root,
    paths.map((path) => join(root, path)),
  );
  if ('code' in found) return { ...found, ...at };
  const { files } = found;
  const images = wanted.map((name) => {
    const path = join(root, one.images.find((image) => image.name === name)?.path ?? '');
    return { name, read: () => readVolume(path) };
  });
  const mask = one.mask === undefined ? undefined : join(root, one.mask);
  return {
    key: one.name,
    label,
    patient: row?.group ?? one.patient,
    site: row?.site,
    origin: { challengeCase: one.name },
    shown: one.name,
    place: at.place,
    files,
    content: {
      kind: 'volumes',
      images,
      mask: mask === undefined ? undefined : { name: 'mask', read: () => readVolume(mask) },
    },
  };
}
