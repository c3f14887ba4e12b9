import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import type { Examination, ExaminationSource } from '../bids/examination.ts';
import { showPath } from '../bids/summary.ts';
import type { Fault } from '../image/fault.ts';
import type { Exclusion } from './exclude.ts';
import { folderLabel, knownFolders, type LabelMap } from './label-map.ts';
import { fileFault, folderNames, listFolder, sourceRoot } from './list-folder.ts';

interface ClassFolder {
  readonly path: string;
  readonly label: string;
  readonly split: string | undefined;
}

interface Place {
  /** Real path of the source. */
  readonly root: string;
  /** As the user typed it. */
  readonly source: string;
  readonly exclusion: Exclusion;
}

/**
 * The pictures of SOURCE/<class>/ or SOURCE/<split>/<class>/. A class folder that holds folders alone has one a patient: a name stands for the same patient
 * everywhere. Links are followed inside the source only.
 * @throws NF_PATH_MISSING, NF_BIDS_SOURCE_EMPTY, NF_BIDS_CLASS_UNKNOWN, NF_BIDS_CLASS_EMPTY, NF_BIDS_ONE_CLASS
 */
export async function readClassFolders(what: {
  source: string;
  /** Undefined: the names of the Kaggle brain tumour sets. */
  labels: LabelMap | undefined;
  exclusion: Exclusion;
}): Promise<ExaminationSource> {
  const { source, labels, exclusion } = what;
  const root = await sourceRoot(source);
  const noFolders = { place: { file: source } };
  if (!(await stat(root)).isDirectory()) throw flError('NF_BIDS_SOURCE_EMPTY', { path: source }, noFolders);
  const folders = await classFolders({ root, source, exclusion }, labels);
  if (folders.length === 0) throw flError('NF_BIDS_SOURCE_EMPTY', { path: source }, noFolders);
  const found: { examinations: Examination[]; faults: Fault[] } = { examinations: [], faults: [] };
  for (const folder of folders) {
    const before = found.examinations.length + found.faults.length;
    await readClass({ root, source, exclusion }, folder, found);
    if (found.examinations.length + found.faults.length === before) {
      const place = { file: join(source, folder.path) };
      throw flError('NF_BIDS_CLASS_EMPTY', { folder: folder.path }, { place });
    }
  }
  checkClasses(
    folders.map((folder) => folder.label),
    source,
  );
  const examinations = found.examinations.sort((a, b) => compareText(a.key, b.key));
  return {
    kind: 'pictures',
    examinations,
    faults: found.faults,
    texts: {
      what: 'JPEG and PNG images in class folders',
      images: 'Single pictures.',
      skullStripped: false,
    },
  };
}

/** @throws NF_BIDS_ONE_CLASS unless there are two labels. */
export function checkClasses(labels: readonly string[], source: string): void {
  const [label = 'none'] = labels;
  if (new Set(labels).size < 2) throw flError('NF_BIDS_ONE_CLASS', { label }, { place: { file: source } });
}

async function readClass(
  place: Place,
  folder: ClassFolder,
  found: { examinations: Examination[]; faults: Fault[] },
): Promise<void> {
  const { root, source, exclusion } = place;
  const names = (await listFolder(join(root, folder.path))).filter(
    ({ name }) => !exclusion.isExcluded(`${folder.path}/${name}`),
  );
  const holdsPatients = names.length > 0 && names.every((entry) => entry.isDirectory());
  const paths = holdsPatients
    ? (await Promise.all(names.map(({ name }) => filesBelow(place, `${folder.path}/${name}`)))).flat()
    : names.map(({ name }) => `${folder.path}/${name}`);
  for (const path of paths) {
    const at = { file: join(source, showPath(path)) };
    const fault = await fileFault(root, join(root, path));
    if (fault) {
      found.faults.push({ ...fault, path, place: at });
      continue;
    }
    const patient = holdsPatients ? path.slice(folder.path.length + 1).split('/')[0] : undefined;
    found.examinations.push({
      key: path,
      label: folder.label,
      patient,
      // A folder of a patient may be called by their name.
      origin: { split: folder.split, ...(patient === undefined && { file: path }) },
      shown: path,
      place: at,
      files: [join(root, path)],
      content: { kind: 'picture' },
    });
  }
}

/** Files of a patient's folder and the folders in it; links to folders are named as faults, since they may go round. */
async function filesBelow(place: Place, folder: string): Promise<string[]> {
  const entries = await listFolder(join(place.root, folder));
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = `${folder}/${entry.name}`;
      if (place.exclusion.isExcluded(path)) return [];
      return entry.isDirectory() ? filesBelow(place, path) : [path];
    }),
  );
  return nested.flat();
}

async function classFolders(place: Place, labels: LabelMap | undefined): Promise<ClassFolder[]> {
  const { root, source, exclusion } = place;
  const found: ClassFolder[] = [];
  for (const name of await folderNames(root)) {
    if (exclusion.isExcluded(name)) continue;
    const label = folderLabel(name, labels);
    if (label !== undefined) {
      found.push({ path: name, label, split: undefined });
      continue;
    }
    const inner = (await folderNames(join(root, name))).filter(
      (folder) => !exclusion.isExcluded(`${name}/${folder}`),
    );
    if (!inner.some((folder) => folderLabel(folder, labels) !== undefined))
      throw unknownClass(name, labels, source);
    for (const folder of inner) {
      const innerLabel = folderLabel(folder, labels);
      if (innerLabel === undefined) throw unknownClass(`${name}/${folder}`, labels, source);
      found.push({ path: `${name}/${folder}`, label: innerLabel, split: name });
    }
  }
  return found;
}

function unknownClass(folder: string, labels: LabelMap | undefined, source: string) {
  const names = knownFolders(labels);
  const known = names.join(', ');
  const nearest = didYouMean(basename(folder), names);
  return flError(
    'NF_BIDS_CLASS_UNKNOWN',
    { folder, nearest, known },
    { place: { file: join(source, folder) } },
  );
}
