import { stat } from 'node:fs/promises';
import { isDataset } from '../../../preprocess/bids/participants.ts';
import { checkBids } from '../../../preprocess/check/check-bids.ts';
import { checkSource } from '../../../preprocess/check/check-source.ts';
import { countSeverities, type Finding, SEVERITIES } from '../../../preprocess/check/finding.ts';
import { readSubjects, readTables } from '../../../preprocess/select/read-subjects.ts';
import { agreedSelection } from '../../../preprocess/select/record.ts';
import {
  readSelectionOptions,
  requireUsedKeys,
  type SelectionOptions,
} from '../../../preprocess/select/selection-options.ts';
import { writeLinks } from '../../../preprocess/split/links.ts';
import { readSplit } from '../../../preprocess/split/manifest.ts';
import { flError } from '../../base/errors/errors.ts';
import { noProgress, type Progress } from '../../base/logging/progress.ts';
import { CONTROL_SIDE } from '../../learning/controls/images.ts';
import { checkControls } from './check-controls.ts';
import type { CheckResult } from './check-schema.ts';
import { writeContactSheet } from './contact-sheet.ts';

export interface CheckDataOptions {
  /** BIDS data set, or class folders of pictures. */
  readonly target: string;
  readonly split: string | undefined;
  /** Which images, with which labels; nothing: as the split says. */
  readonly select?: SelectionOptions;
  /** Of class folders: names or paths to leave out. */
  readonly exclude?: readonly string[] | undefined;
  readonly controls: boolean;
  /** Table to write: participants who should stay together. */
  readonly links?: string | undefined;
  /** PNG to draw. */
  readonly sheet: string | undefined;
  readonly slices: number;
  readonly seed: number;
  readonly jobs: number;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** Everything that can be found wrong with data before a job uses them; nothing but the sheet and the links is written. */
export async function checkData(options: CheckDataOptions): Promise<CheckResult> {
  const { target } = options;
  const found = await stat(target).catch(() => undefined);
  if (!found?.isDirectory())
    throw flError('NF_PATH_MISSING', { what: 'Data folder', path: target }, { place: { file: target } });
  return (await isDataset(target)) ? checkDataset(options) : checkFolders(options);
}

async function checkFolders(options: CheckDataOptions): Promise<CheckResult> {
  const { target, exclude, select = {}, progress = noProgress, signal } = options;
  refuseOtherFlags(options);
  const { labelMap } = select;
  const { summary, findings } = await checkSource(target, { labelMap, exclude, progress, signal });
  const counts = Object.entries(summary.classes).map(([label, { images }]) => [label, images]);
  return {
    target,
    kind: 'class_folders',
    images: summary.images,
    classes: { all: Object.fromEntries(counts) },
    ...sorted(findings),
    chance: null,
    controls: null,
    heterogeneity: null,
    contrasts: [],
    links: null,
    sheet: null,
  };
}

/** What asks for something of a data set would have no effect. @throws NF_CHECK_FLAG */
function refuseOtherFlags({ target, split, links, sheet, select = {} }: CheckDataOptions): void {
  const { labelMap: _, ...others } = select;
  const given = Object.entries({ split, links, sheet, ...others }).find(([, value]) => value !== undefined);
  if (!given) return;
  const flag = given[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw flError('NF_CHECK_FLAG', { flag, path: target, what: 'a data set in BIDS' });
}

async function checkDataset(options: CheckDataOptions): Promise<CheckResult> {
  const { target, progress = noProgress, signal, slices, seed, jobs } = options;
  if (options.exclude?.length)
    throw flError('NF_CHECK_FLAG', { flag: 'exclude', path: target, what: 'class folders' });
  const { selection, map } = await readSelectionOptions(target, options.select ?? {});
  const split = options.split === undefined ? undefined : await readSplit(options.split);
  const agreed = agreedSelection(
    selection,
    split && { path: options.split ?? '', selection: split.selection },
  );
  // Who lacks a channel and must not is a finding.
  const participants =
    agreed?.incomplete === 'drop' ? await readSubjects(target, agreed) : await readTables(target, agreed);
  requireUsedKeys(participants, map);
  const bids = await checkBids(target, {
    participants,
    split,
    view: { side: CONTROL_SIDE, slices },
    progress,
    signal,
  });
  if (options.links !== undefined) await writeLinks(options.links, bids.links);
  const broken = new Set(
    bids.findings.filter(({ severity }) => severity === 'error').map(({ place }) => place.participant),
  );
  const sound = bids.facts.filter(({ participant }) => !broken.has(participant));
  // Of several examples of one participant the first stays.
  const usable = new Map(
    [...Map.groupBy(sound, ({ participant }) => participant)].flatMap(([participant, own]) => {
      const [first] = own.filter(({ channel }) => channel === 0);
      return first ? [[participant, own.filter(({ example }) => example === first.example)] as const] : [];
    }),
  );
  const what = { usable, seed, jobs, run: options.controls, progress, signal };
  const seen = await checkControls(participants, what);
  const { sheet: path } = options;
  const sheet =
    path === undefined ? null : { path, rows: await writeContactSheet(path, seen.images, seen.classes) };
  return {
    target,
    kind: 'bids',
    images: bids.images,
    classes: bids.classes,
    ...sorted([...bids.findings, ...seen.findings]),
    chance: seen.chance,
    controls: seen.controls && [...seen.controls],
    heterogeneity: bids.heterogeneity,
    contrasts: [...bids.contrasts],
    links: linksWritten(options, bids.links.length),
    sheet,
  };
}

function linksWritten({ links: path }: CheckDataOptions, pairs: number): CheckResult['links'] {
  return path === undefined ? null : { path, pairs };
}

function sorted(findings: readonly Finding[]): Pick<CheckResult, 'counts' | 'findings'> {
  const rank = ({ severity }: Finding) => SEVERITIES.indexOf(severity);
  return { counts: countSeverities(findings), findings: findings.toSorted((a, b) => rank(a) - rank(b)) };
}
