import { basename, join } from 'node:path';
import {
  COLUMN,
  groupOf,
  listParticipants,
  type Participant,
} from '../../../preprocess/bids/participants.ts';
import { readInside } from '../../../preprocess/bids/read-inside.ts';
import { readSubjects } from '../../../preprocess/select/read-subjects.ts';
import { PARTITIONS, readSplit } from '../../../preprocess/split/manifest.ts';
import { listViewables, type Viewable } from '../../../preprocess/view/list-viewable.ts';
import {
  type QualityRow,
  type QualityValues,
  qualityKey,
  readQualityValues,
} from '../../../preprocess/view/quality-values.ts';
import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { TargetRun } from '../../run/find-target-run.ts';
import { EVALUATION_FOLDER, type Evaluation } from '../result.ts';
import { selectionOfRun } from '../run-selection.ts';
import { type Predicted, readPredictions } from './predictions.ts';
import type { ServedFiles } from './served-files.ts';
import { evaluationOf, type ViewTarget } from './view-target.ts';

/** A file as the page knows it. */
export interface ViewFile {
  readonly kind: Viewable['kind'];
  /** Where the page gets it; says nothing of its path. */
  readonly address: string;
  /** From the root of the data set. */
  readonly path: string;
  readonly session: string | null;
  readonly quality: QualityRow;
}

export interface ViewSubject {
  readonly id: string;
  readonly label: string | null;
  readonly site: string | null;
  /** `train`, `validation` or `test`. */
  readonly part: string | null;
  readonly group: string | null;
  readonly predicted: string | null;
  /** Of each class, where the run has judged this subject. */
  readonly probabilities: readonly (readonly [label: string, probability: number])[];
  /** Columns of participants.tsv. */
  readonly facts: QualityRow;
  readonly quality: QualityRow;
  readonly images: readonly ViewFile[];
  readonly masks: readonly ViewFile[];
  /** Picture beside the same with what speaks for the predicted class over it (Grad-CAM). */
  readonly heat: string | null;
}

/** What the page shows, made anew whenever it is loaded. */
export interface ViewList {
  readonly name: string;
  readonly run: string | null;
  readonly subjects: readonly ViewSubject[];
  /** What could not be read, and why. */
  readonly notes: readonly string[];
}

/** @throws NF_VIEW_NOTHING */
export async function makeViewList(target: ViewTarget, served: ServedFiles): Promise<ViewList> {
  const { root, run } = target;
  const notes: string[] = [];
  const { files, outside } = await listViewables(root);
  if (files.length === 0) throw flError('NF_VIEW_NOTHING', { path: root }, { place: { file: root } });
  if (outside > 0)
    notes.push(`Folders of subjects that are links out of the data set are not shown: ${outside}.`);
  const people = await peopleOf(target, notes);
  const quality = await noted<QualityValues>(notes, new Map(), () => readQualityValues(root, target.quality));
  const evaluation = run && (await evaluationOf(run));
  const places = await placesOf(evaluation?.data.split ?? run?.card.data?.split, notes);
  const predicted = run
    ? await noted<ReadonlyMap<string, Predicted>>(notes, new Map(), () => readPredictions(run.folder))
    : new Map<string, Predicted>();
  const heat = run ? heatOf(run, { evaluation, served }) : new Map<string, string>();
  const subjects = [...Map.groupBy(files, ({ subject }) => subject)].map(([id, own]) =>
    subjectOf(id, {
      own,
      quality,
      served,
      root,
      person: people.get(id),
      place: places.get(id),
      predicted: predicted.get(id),
      heat: heat.get(id),
    }),
  );
  return {
    name: await nameOf(root),
    run: run ? `${run.card.job.name} ${run.card.run_id}` : null,
    subjects,
    notes,
  };
}

interface Known {
  readonly own: readonly Viewable[];
  readonly person: Participant | undefined;
  readonly quality: QualityValues;
  readonly place: Place | undefined;
  readonly predicted: Predicted | undefined;
  readonly heat: string | undefined;
  readonly served: ServedFiles;
  readonly root: string;
}

function subjectOf(id: string, known: Known): ViewSubject {
  const { own, person, quality, place, predicted, served, root } = known;
  const value = (column: string) => person?.values.get(column) ?? null;
  const fileOf = ({ kind, path, session }: Viewable): ViewFile => ({
    kind,
    path,
    session: session ?? null,
    address: `${kind === 'picture' ? 'files' : 'volumes'}/${served.add({ root, path })}`,
    quality: quality.get(qualityKey(path)) ?? [],
  });
  return {
    id,
    label: value(COLUMN.diagnosis),
    site: place?.site ?? predicted?.site ?? value(COLUMN.site),
    part: place?.part ?? value(COLUMN.partition),
    group: person ? groupOf(person) : null,
    predicted: predicted?.label ?? null,
    probabilities: predicted?.probabilities ?? [],
    facts: [...(person?.values ?? [])].filter(([column]) => column !== COLUMN.id),
    quality: quality.get(id) ?? [],
    images: own.filter(({ kind }) => kind !== 'mask').map(fileOf),
    masks: own.filter(({ kind }) => kind === 'mask').map(fileOf),
    heat: known.heat ?? null,
  };
}

/** Labels as the run took them. A data set whose tables are not whole is looked at without them, which is said. */
async function peopleOf({ root, run }: ViewTarget, notes: string[]): Promise<Map<string, Participant>> {
  const rows = await noted(notes, [], async () => {
    const selection = run && (await selectionOfRun(run.card));
    return (await readSubjects(root, undefined, selection)).rows;
  });
  const plain = rows.length > 0 ? rows : (await listParticipants(root).catch(() => undefined))?.rows;
  return new Map((plain ?? []).map((row) => [row.id, row]));
}

interface Place {
  readonly site: string;
  readonly part: string;
}

async function placesOf(path: string | null | undefined, notes: string[]): Promise<Map<string, Place>> {
  if (path === undefined || path === null) return new Map();
  const split = await noted(notes, undefined, () => readSplit(path));
  const rows = (split?.sites ?? []).flatMap((site) =>
    PARTITIONS.flatMap((part) => site[part].map((id) => [id, { site: site.name, part }] as const)),
  );
  return new Map(rows);
}

/** Addresses of the maps that `evaluate` drew, by subject. */
function heatOf(
  { folder }: TargetRun,
  { evaluation, served }: { evaluation: Evaluation | undefined; served: ServedFiles },
): Map<string, string> {
  const root = folder.at(EVALUATION_FOLDER);
  // Those of other tasks show no heat.
  const cases = evaluation?.task === 'classification' ? evaluation.worst_cases : [];
  return new Map(
    cases.flatMap(({ id, overlay }): [string, string][] =>
      overlay === null ? [] : [[id, `files/${served.add({ root, path: overlay })}`]],
    ),
  );
}

/** What is read, or `otherwise` and a note of why not. */
async function noted<Value>(notes: string[], otherwise: Value, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof NeuroflareError)) throw error;
    notes.push(`${error.message} ${error.hint}`);
    return otherwise;
  }
}

async function nameOf(root: string): Promise<string> {
  const bytes = await readInside(root, join(root, 'dataset_description.json')).catch(() => '{}');
  const said = parseJson(bytes.toString().replace(/^\uFEFF/, ''));
  const name = typeof said === 'object' && said !== null && 'Name' in said ? said.Name : undefined;
  return typeof name === 'string' && name !== '' ? name : basename(root);
}
