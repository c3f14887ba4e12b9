import { COLUMN, groupOf, isUsed, type Participant } from '../../preprocess/bids/participants.ts';
import type { PictureHarmony } from '../../preprocess/picture/harmonise.ts';
import { readSubjects, requireLabels, type Subjects } from '../../preprocess/select/read-subjects.ts';
import { agreedSelection } from '../../preprocess/select/record.ts';
import { checkSplit } from '../../preprocess/split/check.ts';
import {
  PARTITIONS,
  type Partition,
  readSplit,
  type SplitManifest,
} from '../../preprocess/split/manifest.ts';
import { flError } from '../base/errors/errors.ts';
import type { LearningTask } from '../base/selection/learning-task.ts';
import type { Selection } from '../base/selection/selection.ts';
import { readMembers } from '../learning/dataset/members.ts';
import { labelOf } from '../learning/dataset/open-dataset.ts';
import type { RunCard } from '../run/run-card.ts';
import type { ClassTarget, MaskTarget, Target } from './open-target.ts';
import { selectionOfRun } from './run-selection.ts';

/** One person of the data, and where the split put it. */
export interface PlacedPerson {
  readonly row: Participant;
  readonly site: string;
  readonly part: Partition;
  readonly group: string;
}

/** One whose class is known. */
export interface EvaluationRow extends PlacedPerson {
  /** Place in the model's classes. */
  readonly label: number;
  /** What takes the scanner out of the pictures, as in training. */
  readonly harmony?: PictureHarmony | undefined;
}

export interface EvaluationData<Row extends PlacedPerson = EvaluationRow> {
  readonly root: string;
  readonly split: { readonly path: string; readonly manifest: SplitManifest } | undefined;
  readonly participants: Subjects;
  readonly selection: Selection;
  readonly sites: readonly string[];
  readonly rows: readonly Row[];
}

/** What of a model says whom it may be judged on. */
type JudgedTarget = Pick<ClassTarget, 'task' | 'run'> | Pick<MaskTarget, 'task' | 'run' | 'masks'>;

/** The one site of data without a split. */
const WHOLE = 'all';

/**
 * Who is evaluated, and who may be learnt from by controls: by the split; else by the column `partition`; else everybody is to be
 * tested and nobody to be learnt from.
 * @throws NF_EVALUATE_*, NF_BIDS_*, NF_SPLIT_*, NF_DATA_*
 */
export async function readEvaluationData(
  target: JudgedTarget,
  wish: { data: string | undefined; split: string | undefined },
): Promise<EvaluationData<PlacedPerson>> {
  const own = target.run?.card.data;
  const root = wish.data ?? own?.root;
  if (root === undefined) throw flError('NF_EVALUATE_NO_DATA');
  const path = wish.split ?? (wish.data === undefined ? (own?.split ?? undefined) : undefined);
  const manifest = path === undefined ? undefined : await readSplit(path);
  // Of other data only what they themselves do not say is as the run had it.
  const trained = target.run && (await selectionOfRun(target.run.card));
  const said = wish.data === undefined ? trained : undefined;
  const agreed = manifest ? agreedSelection(said, { path: path ?? '', selection: manifest.selection }) : said;
  const participants = await readSubjects(root, agreed, manifest ? undefined : trained);
  if (target.task === 'classification') requireLabels(participants);
  const { selection } = participants;
  const describe = (row: Participant, site: string, part: Partition): PlacedPerson => ({
    row,
    site,
    part,
    group: groupOf(row),
  });
  if (path !== undefined && manifest) {
    checkSplit(manifest, participants);
    const byId = new Map(participants.rows.map((row) => [row.id, row]));
    const rows = manifest.sites.flatMap((site) =>
      PARTITIONS.flatMap((part) =>
        site[part].flatMap((id) => {
          const row = byId.get(id);
          return row ? [describe(row, site.name, part)] : [];
        }),
      ),
    );
    const sites = manifest.sites.map(({ name }) => name);
    return { root, split: { path, manifest }, participants, selection, sites, rows };
  }
  const parts = participants.columns.includes(COLUMN.partition)
    ? await readMembers({ root, site: WHOLE, selection, task: taskOf(target) })
    : { train: [], validation: [], test: participants.rows.filter(isUsed) };
  const rows = PARTITIONS.flatMap((part) => parts[part].map((row) => describe(row, WHOLE, part)));
  return { root, split: undefined, participants, selection, sites: [WHOLE], rows };
}

function taskOf(target: JudgedTarget): LearningTask {
  return target.task === 'segmentation' ? { kind: target.task, masks: target.masks } : { kind: target.task };
}

/** The same people with their classes. @throws NF_DATA_LABEL_* */
export function labelledData(
  data: EvaluationData<PlacedPerson>,
  { classes }: Pick<ClassTarget, 'classes'>,
): EvaluationData {
  const { participants } = data;
  const rows = data.rows.map((one) => ({ ...one, label: labelOf(one.row, classes, participants) }));
  return { ...data, rows };
}

/**
 * Refuses to call a figure a test where the model was trained on the same images: a group of the same data set, or an exact copy of a
 * picture. Validation images chose the model, so they count as trained on unless they are what is asked about.
 * @returns notes on what could not be looked for
 * @throws NF_EVALUATE_LEAK
 */
export async function refuseLeaks(
  target: Target,
  data: EvaluationData<PlacedPerson>,
  part: Exclude<Partition, 'train'>,
): Promise<string[]> {
  const own = target.run?.card.data;
  if (!own) return ['Which data the model was trained on is not known, so leaks could not be looked for.'];
  const seen: Partition[] = part === 'test' ? ['train', 'validation'] : ['train'];
  const trained = await trainedOn(target.run?.card, seen).catch(() => undefined);
  if (!trained) return ['The data that the model was trained on are gone, so leaks could not be looked for.'];
  const same = trained.sha256 === data.participants.sha256;
  const leaks = data.rows.filter(({ row, part: own, group }) => {
    if (own !== part) return false;
    return (same && trained.groups.has(group)) || trained.pictures.has(row.values.get(PIXELS) ?? '');
  });
  const [first] = leaks;
  if (!first) return [];
  throw flError('NF_EVALUATE_LEAK', { count: leaks.length, participant: first.row.id });
}

const PIXELS = 'pixel_sha256';

async function trainedOn(card: RunCard | undefined, parts: readonly Partition[]) {
  const data = card?.data;
  if (!data) return undefined;
  const { rows, sha256 } = await readSubjects(data.root, await selectionOfRun(card));
  const ids = data.split === null ? undefined : await idsOf(data.split, parts);
  const used = rows.filter(({ id, values }) =>
    ids ? ids.has(id) : parts.some((part) => part === (values.get(COLUMN.partition) ?? 'train')),
  );
  return {
    sha256,
    groups: new Set(used.map(groupOf)),
    pictures: new Set(used.flatMap(({ values }) => values.get(PIXELS) ?? [])),
  };
}

async function idsOf(split: string, parts: readonly Partition[]): Promise<Set<string>> {
  const { sites } = await readSplit(split);
  return new Set(sites.flatMap((site) => parts.flatMap((part) => site[part])));
}
