import { constants } from 'node:fs';
import { chmod, copyFile, link, mkdtemp, readdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { addAll } from '../../runtime/base/add-all.ts';
import { prettyJson } from '../../runtime/base/digest.ts';
import { makeFolder, putFile, syncFolder } from '../../runtime/base/files/files.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { noProgress, type Progress } from '../../runtime/base/logging/progress.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { checkPlaces } from '../bids/check-places.ts';
import { COLUMN, type Participant, type Participants, parseParticipants } from '../bids/participants.ts';
import { readInside, realInside } from '../bids/read-inside.ts';
import { readSidecar } from '../bids/sidecar.ts';
import { classesOf } from '../select/classes.ts';
import { PARTICIPANTS } from '../select/label-cells.ts';
import { readSubjects, type Subjects } from '../select/read-subjects.ts';
import { recordOf } from '../select/record.ts';
import { describeLabel } from '../sources/label-map.ts';
import { checkSplit } from './check.ts';
import { PARTITIONS, type SplitManifest, type SplitSite } from './manifest.ts';

export interface MaterializeOptions {
  readonly bidsRoot: string;
  readonly split: SplitManifest;
  /** Folder to make, with one BIDS tree a site in it. */
  readonly target: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** In place of a participant, where a file is anybody's. */
const WHOLE = 'the data set';
/** Files linked or copied at once. */
const JOBS = 8;

/**
 * Writes one BIDS tree a site: its subjects (hard links where the file system has them, copies elsewhere), the root's files, and a
 * participants.tsv of its own rows with the column `partition`. Nested derivatives come along; sourcedata, phenotype, code and logs
 * do not, since they may tell of other sites' subjects. The folder appears whole or not at all.
 * @returns number of files of subjects
 * @throws NF_SPLIT_* of `checkSplit`, NF_PATH_EXISTS, NF_BIDS_PLACES
 */
export async function materializeSplit(options: MaterializeOptions): Promise<number> {
  const { bidsRoot, split, signal, progress = noProgress } = options;
  const target = resolve(options.target);
  await checkPlaces({ source: bidsRoot, target: options.target, what: 'Folder' });
  const subjects = await readSubjects(bidsRoot, split.selection);
  checkSplit(split, subjects);
  await makeFolder(dirname(target));
  const partial = await mkdtemp(`${target}.partial-`);
  try {
    const root = await realpath(bidsRoot);
    const copies: Copy[] = [];
    for (const site of split.sites) {
      addAll(copies, await prepareSite({ root, from: root, to: join(partial, site.name), site, subjects }));
    }
    let done = 0;
    await mapPool(copies, { jobs: JOBS, signal }, async (copy) => {
      await place(copy, root);
      progress({ what: 'files placed', done: ++done, total: copies.length });
    });
    // The temporary folder is for its owner alone; what it becomes is as open as its neighbours.
    await chmod(partial, 0o777 & ~process.umask());
    await rename(partial, target);
    await syncFolder(dirname(target));
    return copies.length;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

interface Copy {
  readonly from: string;
  readonly to: string;
}

interface Tree extends Copy {
  readonly root: string;
  readonly site: SplitSite;
  /** Of the data set itself; a derivative's own table is as it is. */
  readonly subjects?: Subjects | undefined;
}

/** Writes the root files of one tree (the data set itself or a derivative in it) and lists the subjects' files. */
async function prepareSite(what: Tree): Promise<Copy[]> {
  const { root, from, to, site, subjects } = what;
  const partitions = partitionsOf(site);
  await makeFolder(to);
  const copies: Copy[] = [];
  if (subjects) await writeTable(subjects, join(to, PARTICIPANTS), partitions);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const paths = { from: join(from, entry.name), to: join(to, entry.name) };
    if (entry.name === PARTICIPANTS) {
      if (!subjects)
        await writeTable(
          parseParticipants(await readInside(root, paths.from), paths.from),
          paths.to,
          partitions,
        );
    } else if (entry.name === 'participants.json') continue;
    else if (partitions.has(entry.name)) addAll(copies, await filesUnder(paths));
    else if (entry.name === 'derivatives') addAll(copies, await prepareDerivatives({ ...what, ...paths }));
    else if (!entry.isDirectory()) await copyInside(paths, root);
  }
  await writeSidecar(what);
  return copies;
}

async function prepareDerivatives(what: Tree): Promise<Copy[]> {
  const copies: Copy[] = [];
  for (const entry of await readdir(what.from, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const paths = { from: join(what.from, entry.name), to: join(what.to, entry.name) };
    addAll(copies, await prepareSite({ ...what, ...paths, subjects: undefined }));
  }
  return copies;
}

function partitionsOf(site: SplitSite): ReadonlyMap<string, string> {
  return new Map(PARTITIONS.flatMap((part) => site[part].map((id): [string, string] => [id, part])));
}

/** The site's own rows, with the column `partition` last. */
async function writeTable(
  { columns, rows }: Pick<Participants, 'columns' | 'rows'>,
  to: string,
  partitions: ReadonlyMap<string, string>,
): Promise<void> {
  const kept = columns.filter((column) => column !== COLUMN.id && column !== COLUMN.partition);
  const line = ({ id, values }: Participant) =>
    [id, ...kept.map((column) => values.get(column) ?? 'n/a'), partitions.get(id)].join('\t');
  const own = rows.filter(({ id }) => partitions.has(id)).map(line);
  const header = [COLUMN.id, ...kept, COLUMN.partition].join('\t');
  await putFile(to, `${[header, ...own].join('\n')}\n`);
}

/** participants.json with the column `partition`, where the tree has a participants.tsv, and with what a selection made of the table. */
async function writeSidecar({ root, from, to, subjects }: Tree): Promise<void> {
  const table = await readInput(join(to, 'participants.tsv')).catch(() => undefined);
  if (table === undefined) return;
  const partition = {
    Description: 'Part of the split that the participant belongs to.',
    Levels: { train: 'Training', validation: 'Validation', test: 'Test' },
  };
  const sidecar = await readSidecar(from, root);
  const isSelected = subjects?.selectedSha256 !== undefined;
  const selected = subjects && isSelected ? await selectedColumns(from, subjects) : {};
  await putFile(join(to, 'participants.json'), prettyJson({ ...sidecar, ...selected, partition }));
}

/** What a selection put into the table, for participants.json. */
async function selectedColumns(root: string, subjects: Subjects): Promise<object> {
  const { labels, selection } = subjects;
  const classes = await classesOf(root, subjects);
  const levels = Object.fromEntries(classes.map((label) => [label, describeLabel(label)]));
  const diagnosis = {
    Description: `Class of the participant, from the column '${labels?.column ?? ''}' of ${labels?.table ?? ''}.`,
    Levels: levels,
    ...recordOf(selection),
  };
  const group = {
    Description: `Patient, from the column '${selection.group_column ?? ''}': images of one stay together.`,
  };
  return {
    [COLUMN.diagnosis]: diagnosis,
    ...(selection.group_column !== undefined && { [COLUMN.group]: group }),
  };
}

async function filesUnder(paths: Copy): Promise<Copy[]> {
  const entries = await readdir(paths.from, { withFileTypes: true });
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const inner = { from: join(paths.from, entry.name), to: join(paths.to, entry.name) };
      return entry.isDirectory() ? filesUnder(inner) : [inner];
    }),
  );
  return nested.flat();
}

/** Links of the data set are followed inside it, and the file behind them is placed. */
async function place({ from, to }: Copy, root: string): Promise<void> {
  const file = await realInside(from, { root, participant: WHOLE });
  await makeFolder(dirname(to));
  try {
    await link(file, to);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(file, to, constants.COPYFILE_EXCL);
  }
}

/** Another disk, a file system without links, or too many of them. */
const NO_LINKS = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

async function copyInside({ from, to }: Copy, root: string): Promise<void> {
  await copyFile(await realInside(from, { root, participant: WHOLE }), to);
}
