import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { isDefault, type Selection } from '../../runtime/base/selection/selection.ts';
import { firstOf } from '../../runtime/base/text/first-of.ts';
import { describeImages } from '../bids/choose-images.ts';
import { findExamples } from '../bids/layout.ts';
import { COLUMN, isUsed, type Participants } from '../bids/participants.ts';
import { levelsOf } from '../bids/sidecar.ts';
import { classText } from '../select/label-text.ts';
import type { Subjects } from '../select/read-subjects.ts';
import { imagesOfSubjects } from '../select/subject-images.ts';
import { findLabelGaps } from './find-label-gaps.ts';
import { type Finding, type FindingPlace, finding, findingOf } from './finding.ts';

/** Keys of DICOM's identity, device and time modules that converters put into sidecars. */
const IDENTIFYING = new Set([
  ...['PatientName', 'PatientID', 'PatientBirthDate', 'OtherPatientIDs', 'AccessionNumber'],
  ...['InstitutionName', 'InstitutionAddress', 'InstitutionalDepartmentName', 'StationName'],
  ...['DeviceSerialNumber', 'ReferringPhysicianName', 'PerformingPhysicianName', 'OperatorsName'],
  ...['AcquisitionDateTime', 'AcquisitionTime', 'AcquisitionDate', 'StudyDate', 'StudyTime', 'SeriesDate'],
  ...['StudyInstanceUID', 'SeriesInstanceUID', 'StudyID', 'StudyDescription', 'ProcedureStepDescription'],
]);
/** Values that stand for nobody, as synthetic and cleaned data have them. */
const PLACEHOLDER = /^(|none|n\/a|unknown|anonymized|simulated|site-\d+)$/i;
const LARGEST_SIDECAR = 2 ** 24;

/** An image of a participant who may be used. */
export interface TreeImage {
  readonly participant: string;
  readonly path: string;
  /** Path of the first image of its example. */
  readonly example: string;
  /** Its place in the example, from 0. */
  readonly channel: number;
}

/** Looks at the files of a data set without reading voxels: what is missing, doubled, unreadable or tells too much. */
export async function inspectTree(
  root: string,
  participants: Subjects,
  dealt: ReadonlySet<string>,
): Promise<{ images: TreeImage[]; findings: Finding[] }> {
  const findings = [
    ...(await inspectDescription(root)),
    ...findLabelGaps(participants),
    ...(await inspectLabels(root, participants)),
    ...tellIncomplete(participants),
  ];
  findings.push(...(await inspectFolders(root, participants)), ...(await inspectRootSidecars(root)));
  const images: TreeImage[] = [];
  const { selection } = participants;
  const isChosen = !isDefault(selection);
  const several: { id: string; paths: readonly string[] }[] = [];
  const missing: Finding[] = [];
  // Whom a selection leaves out need not have what it takes of the others.
  for (const { id } of participants.rows.filter((row) => !isChosen || isUsed(row))) {
    try {
      const examples = await findExamples(root, id, selection);
      const paths = examples.flat();
      if (differentImages(paths) > 1) several.push({ id, paths });
      images.push(...examples.flatMap((example) => treeImages(id, example)));
      findings.push(...(await inspectFiles(paths, id)));
    } catch (thrown) {
      const found = findingOf(thrown, { participant: id });
      const isLeftOut = isChosen && found.code === 'NF_BIDS_IMAGE_MISSING' && !dealt.has(id);
      missing.push(isLeftOut ? { ...found, severity: 'warning' } : found);
    }
  }
  const nothing = images.length === 0 ? await findNothing(root, participants) : undefined;
  return {
    images,
    findings: [...findings, ...(nothing ? [nothing] : missing), ...tellSeveral(several, selection)],
  };
}

function treeImages(participant: string, paths: readonly string[]): TreeImage[] {
  return paths.map((path, channel) => ({ participant, path, example: paths[0] ?? path, channel }));
}

/** One finding in place of one a participant, with what there is instead. */
async function findNothing(root: string, participants: Subjects): Promise<Finding | undefined> {
  try {
    await imagesOfSubjects(root, participants);
    return undefined;
  } catch (thrown) {
    return findingOf(thrown);
  }
}

/** Images of one subject but for those that are there plain and packed, which are told by themselves. */
function differentImages(paths: readonly string[]): number {
  return new Set(paths.map((path) => path.replace(/\.gz$/, ''))).size;
}

function tellSeveral(
  several: readonly { id: string; paths: readonly string[] }[],
  selection: Selection,
): Finding[] {
  const [first] = several;
  if (!first || selection.one_per !== undefined || selection.channels) return [];
  const params = {
    count: several.length,
    what: describeImages(selection),
    participant: first.id,
    images: first.paths.map((path) => basename(path)).join(', '),
  };
  const place = { file: dirname(first.paths[0] ?? ''), participant: first.id };
  return [finding('warning', 'NF_CHECK_SEVERAL_IMAGES', { params, place })];
}

/** Whom the selection leaves out for want of a channel. */
function tellIncomplete({ incomplete, file }: Subjects): Finding[] {
  if (incomplete.size === 0) return [];
  const named = [...incomplete].map(([id, reason]) => `${id} (${reason})`);
  const params = { count: incomplete.size, named: firstOf(named) };
  return [finding('note', 'NF_CHECK_INCOMPLETE', { params, place: { file } })];
}

async function inspectDescription(root: string): Promise<Finding[]> {
  const file = join(root, 'dataset_description.json');
  const problem = (text: string) => [
    finding('warning', 'NF_CHECK_DESCRIPTION', { params: { problem: text }, place: { file } }),
  ];
  const found = await readObject(file);
  if (found === 'missing') return problem('is missing');
  if (typeof found === 'string') return problem(found);
  const missing = ['Name', 'BIDSVersion'].filter((key) => typeof found[key] !== 'string');
  return missing.length === 0 ? [] : problem(`lacks ${missing.join(' and ')}`);
}

async function inspectLabels(root: string, subjects: Subjects): Promise<Finding[]> {
  const { rows, columns, labels, selection, labelAt, incomplete } = subjects;
  const file = join(root, 'participants.json');
  const found = await readObject(file);
  if (typeof found === 'string') {
    if (found === 'missing') return [];
    return [finding('error', 'NF_CHECK_SIDECAR', { params: { problem: found }, place: { file } })];
  }
  const declared = selection.label_map ? undefined : levelsOf(found, labels?.column ?? COLUMN.diagnosis);
  const levels = declared?.map((level) => classText(level, selection));
  const table = join(root, 'participants.tsv');
  const wrong =
    levels === undefined
      ? []
      : rows.filter(({ values }) => !levels.includes(values.get(COLUMN.diagnosis) ?? levels[0] ?? ''));
  const findings = wrong.map(({ id, line, values }) => {
    const params = {
      label: values.get(COLUMN.diagnosis) ?? '',
      participant: id,
      known: levels?.join(', ') ?? '',
    };
    return finding('error', 'NF_CHECK_LABEL', {
      params,
      place: {
        file: labelAt.get(id)?.file ?? table,
        line: labelAt.get(id)?.line ?? line,
        key: labels?.column ?? COLUMN.diagnosis,
        participant: id,
      },
    });
  });
  const unlabelled = columns.includes(COLUMN.diagnosis)
    ? rows.filter(
        ({ id, values }) =>
          !(incomplete.has(id) || values.has(COLUMN.diagnosis) || values.has(COLUMN.setAside)),
      )
    : [];
  const [first] = unlabelled;
  if (!first) return findings;
  const params = { count: unlabelled.length, participant: first.id };
  return [
    ...findings,
    finding('note', 'NF_CHECK_UNLABELLED', { params, place: { file: table, line: first.line } }),
  ];
}

async function inspectFolders(root: string, { rows }: Participants): Promise<Finding[]> {
  const known = new Set(rows.map(({ id }) => id));
  const entries = await readdir(root, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name.startsWith('sub-') && !known.has(entry.name))
    .map(({ name }) => {
      const place = { file: join(root, name), participant: name };
      return finding('warning', 'NF_CHECK_NO_ROW', { params: { participant: name }, place });
    });
}

/** Names that contradict their folder, doubled images, and sidecars beside them. */
async function inspectFiles(paths: readonly string[], participant: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const all = new Set(paths);
  for (const file of paths) {
    const place = { file, participant };
    if (file.endsWith('.nii') && all.has(`${file}.gz`))
      findings.push(finding('error', 'NF_CHECK_BOTH', { place }));
    const session = basename(dirname(dirname(file)));
    const prefix = session.startsWith('ses-') ? `${participant}_${session}_` : `${participant}_`;
    const hasOther =
      !basename(file).startsWith(prefix) || (prefix === `${participant}_` && /_ses-/.test(basename(file)));
    if (hasOther) findings.push(finding('error', 'NF_CHECK_SESSION', { params: { prefix }, place }));
    const sidecar = file.replace(/\.nii(\.gz)?$/, '.json');
    const found = await readObject(sidecar);
    if (found === 'missing') continue;
    const at = { file: sidecar, participant };
    if (typeof found === 'string') {
      findings.push(finding('error', 'NF_CHECK_SIDECAR', { params: { problem: found }, place: at }));
      continue;
    }
    findings.push(...inspectPrivacy(found, at));
  }
  return findings;
}

function inspectPrivacy(sidecar: Record<string, unknown>, place: FindingPlace): Finding[] {
  const keys = Object.entries(sidecar)
    .filter(([key, value]) => IDENTIFYING.has(key) && !PLACEHOLDER.test(String(value)))
    .map(([key]) => key);
  if (keys.length === 0) return [];
  return [finding('warning', 'NF_CHECK_IDENTIFYING', { params: { keys: keys.join(', ') }, place })];
}

const NOT_SIDECARS = new Set(['dataset_description.json', 'participants.json']);

/** Sidecars in the root hold for every image below. */
async function inspectRootSidecars(root: string): Promise<Finding[]> {
  const names = (await readdir(root)).filter((name) => name.endsWith('.json') && !NOT_SIDECARS.has(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const file = join(root, name);
      const content = await readObject(file);
      if (typeof content !== 'string') return inspectPrivacy(content, { file });
      return [finding('error', 'NF_CHECK_SIDECAR', { params: { problem: content }, place: { file } })];
    }),
  );
  return found.flat();
}

/** A JSON object, or what is wrong with the file. */
async function readObject(file: string): Promise<Record<string, unknown> | string> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return 'missing';
  if (found.size > LARGEST_SIDECAR) return `has ${found.size} bytes`;
  try {
    const bytes = await readInput(file);
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (value && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
    return 'is JSON, but no object';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code?.startsWith('E') && !code.startsWith('ERR_')
      ? `cannot be read (${code})`
      : `is not JSON in UTF-8 (${message})`;
  }
}
