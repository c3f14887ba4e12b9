import { join } from 'node:path';
import { flError, NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { MODULE_EXTENSION } from '../../runtime/base/files/module-file.ts';
import { GuardedThread } from '../../runtime/base/threads/guarded-thread.ts';
import type { Examination, ExaminationSource, SourceVolume } from '../bids/examination.ts';
import { withoutPaths } from '../bids/without-paths.ts';
import type { Fault } from '../image/fault.ts';
import type { Affine } from '../nifti/affine.ts';
import type { Exclusion } from './exclude.ts';
import type { FigshareFacts, FigshareSlice, readFigshareFacts, readFigshareSlice } from './figshare-file.ts';
import type { LabelMap } from './label-map.ts';
import { fileFault, folderNames, listFolder } from './list-folder.ts';

type Reader = GuardedThread<{ facts: typeof readFigshareFacts; slice: typeof readFigshareSlice }>;

const LABELS = { 1: 'meningioma', 2: 'glioma', 3: 'pituitary' } as const;
/** A list of folds that comes with the set. */
const FOLDS = /^cvind\.mat$/i;
const SECONDS = 60;
const MEGABYTES = 512;

/** Paths of the .mat files of a folder and of the folders in it, which the set is published in. Empty where there are none. */
export async function findMatFiles(root: string, exclusion: Exclusion): Promise<string[]> {
  const folders = ['', ...(await folderNames(root)).map((name) => `${name}/`)];
  const found: string[] = [];
  for (const folder of folders) {
    if (folder !== '' && exclusion.isExcluded(folder.slice(0, -1))) continue;
    const names = (await listFolder(join(root, folder))).map(({ name }) => name);
    const own = names.filter((name) => /\.mat$/i.test(name) && !FOLDS.test(name));
    found.push(...own.map((name) => `${folder}${name}`).filter((path) => !exclusion.isExcluded(path)));
  }
  return found.sort();
}

/**
 * The brain tumour set of figshare (Cheng, article 1512427): T1-weighted slices after contrast agent with label, patient and mask, one in each MATLAB 7.3
 * file. They are read in a thread of their own, which `close` ends.
 */
export async function readFigshare(
  paths: readonly string[],
  at: { source: string; root: string; labels: LabelMap | undefined },
): Promise<ExaminationSource> {
  const reader: Reader = new GuardedThread({
    entry: new URL(`./figshare-entry${MODULE_EXTENSION}`, import.meta.url),
    seconds: SECONDS,
    megabytes: MEGABYTES,
    onLimit: (reason) =>
      flError('NF_FIGSHARE', { file: 'The file', what: `data that cannot be read: ${reason}` }),
    isHarmless: (thrown) => thrown instanceof NeuroflareError && thrown.code !== 'NF_INTERNAL',
  });
  const examinations: Examination[] = [];
  const faults: Fault[] = [];
  for (const path of paths) {
    const found = await examinationOf(path, { ...at, reader });
    if ('key' in found) examinations.push(found);
    else faults.push(found);
  }
  return {
    kind: 'volumes',
    examinations,
    faults,
    texts: {
      what: 'the brain tumour set of figshare (article 1512427)',
      images:
        'Single T1-weighted slices after contrast agent. Voxel size, slice plane and laterality are not in the files: the header says 1 mm, which means one pixel, and y grows towards the top of the picture.',
      skullStripped: false,
      mask: '1 is the tumour as it was outlined for the set.',
    },
    close: () => reader.close(),
  };
}

async function examinationOf(
  path: string,
  {
    source,
    root,
    labels,
    reader,
  }: { source: string; root: string; labels: LabelMap | undefined; reader: Reader },
): Promise<Examination | Fault> {
  const file = join(root, path);
  const place = { file: join(source, path) };
  const fault = await fileFault(root, file);
  if (fault) return { ...fault, path, place };
  try {
    const facts: FigshareFacts = await reader.run('facts', file);
    const told = LABELS[facts.label];
    const image = { name: 'ce-gadolinium_desc-slice_T1w', read: () => sliceOf(reader, file, 'pixels') };
    const mask = { name: 'mask', read: () => sliceOf(reader, file, 'mask') };
    return {
      key: path,
      label: labels?.get(told) ?? told,
      patient: facts.patient,
      origin: { file: path },
      shown: path,
      place,
      files: [file],
      content: { kind: 'volumes', images: [image], mask },
    };
  } catch (thrown) {
    if (!(thrown instanceof NeuroflareError) || thrown.exitCode !== 4) throw thrown;
    return { code: thrown.code, path, place, detail: withoutPaths(thrown.message, [file]) };
  }
}

async function sliceOf(reader: Reader, file: string, what: 'pixels' | 'mask'): Promise<SourceVolume> {
  const slice: FigshareSlice = await reader.run('slice', file);
  const { width, height } = slice;
  // The first row is the top of the picture.
  const affine: Affine = [
    [1, 0, 0, 0],
    [0, -1, 0, height - 1],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ];
  return { shape: [width, height, 1], data: slice[what], affine };
}
