import { resolve } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { writeFileAtomic } from '../../runtime/base/files/files.ts';
import type { YamlSource } from '../../runtime/base/files/yaml-source.ts';
import type { Progress } from '../../runtime/base/logging/progress.ts';
import type { Selection } from '../../runtime/base/selection/selection.ts';
import { COLUMN } from '../bids/participants.ts';
import { readSidecar } from '../bids/sidecar.ts';
import { readSubjects, requireLabels, type Subjects } from '../select/read-subjects.ts';
import { agreedSelection } from '../select/record.ts';
import { readSelectionOptions, requireUsedKeys, type SelectionOptions } from '../select/selection-options.ts';
import { imagesOfSubjects } from '../select/subject-images.ts';
import { checkSplit } from './check.ts';
import { readCohort } from './cohort.ts';
import { joinGroups, readLinks } from './links.ts';
import { readSplit, type SplitManifest, type SplitRule, writeSplit } from './manifest.ts';
import { materializeSplit } from './materialize.ts';
import { planSplit } from './plan.ts';
import { type SplitResult, splitResult } from './result.ts';
import { describeChoice, reasonsAgainst, recordSelection } from './selected.ts';
import { ALPHA, isOfStrategy, USUAL } from './strategy.ts';

/** As the command line gives it; numbers are texts still. */
export interface SplitOptions {
  readonly bidsRoot: string;
  /** Which images, with which labels; nothing: T1w images with the labels in `diagnosis`. */
  readonly select?: SelectionOptions;
  /** The same as a job declares it, in place of `select`. */
  readonly selection?: Selection | undefined;
  readonly strategy: SplitRule['strategy'];
  readonly sites: number | undefined;
  readonly siteColumn: string;
  /** For dirichlet and quantity. */
  readonly alpha: string;
  /** For shards; default 2. */
  readonly shardsPerSite?: number | undefined;
  /** For dirichlet and shards: what sites differ in, where it is not the classes. */
  readonly skewColumn?: string | undefined;
  /** Groups that each site must have. */
  readonly minGroups?: number | undefined;
  readonly validation: string;
  readonly test: string;
  /** `2/5`: the second of five folds is the test part. */
  readonly fold?: string | undefined;
  /** Table of pairs that stay together. */
  readonly links?: string | undefined;
  readonly seed: number;
  readonly out: string;
  /** Use this split instead of making one. */
  readonly existing: string | undefined;
  readonly materialize: string | undefined;
  /** File to write: how unlike the sites are. */
  readonly report?: string | undefined;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** Makes or reads a split, and writes the sites' trees if asked to. @throws NF_SPLIT_*, NF_SELECT_*, NF_BIDS_*, NF_PATH_* */
export async function runSplit(options: SplitOptions): Promise<SplitResult> {
  const { bidsRoot, existing, select = {}, materialize: target, report } = options;
  const said = await readSelectionOptions(bidsRoot, select);
  const read = existing === undefined ? undefined : { path: existing, split: await readSplit(existing) };
  const agreed = agreedSelection(
    said.selection ?? options.selection,
    read && { path: read.path, selection: read.split.selection },
  );
  const subjects = await readSubjects(bidsRoot, agreed);
  requireLabels(subjects);
  const made = read ? reuse(read, subjects) : await make(options, subjects, said.map);
  if (target !== undefined) await materializeSplit({ ...options, split: made.split, target });
  const materialized = target === undefined ? null : resolve(target);
  const result = splitResult({ ...made, subjects, report, materialized });
  if (report !== undefined) await writeFileAtomic(report, prettyJson(reportOf(result)));
  return result;
}

function reportOf({ split, sha256, heterogeneity }: SplitResult) {
  return { kind: 'neuroflare-heterogeneity', version: 1, split, sha256, ...heterogeneity };
}

async function make(options: SplitOptions, subjects: Subjects, map: YamlSource | undefined) {
  const { bidsRoot, out, seed, sites } = options;
  const links = options.links === undefined ? undefined : await readLinks(options.links, subjects);
  const rule = { ...(await readRule(options)), ...(links && { links_sha256: links.sha256 }) };
  requireUsedKeys(subjects, map);
  const images = await imagesOfSubjects(bidsRoot, subjects);
  const selected = recordSelection(subjects, images);
  const lacking = reasonsAgainst(subjects, images);
  const request = { rule, seed, sites, lacking, ...(selected && { selected }) };
  const { split, leftOut, warnings } = planSplit(
    links ? joinGroups(subjects, links) : subjects,
    request,
    bidsRoot,
  );
  await writeSplit(out, split);
  return {
    path: out,
    split,
    leftOut: [...leftOut],
    warnings: [...describeChoice(subjects, images), ...warnings],
  };
}

function reuse({ path, split }: { path: string; split: SplitManifest }, subjects: Subjects) {
  checkSplit(split, subjects);
  const leftOut = readCohort(subjects).setAside.map(({ id, reason }) => ({ participant: id, reason }));
  return { path, split, leftOut, warnings: [] };
}

async function readRule(options: SplitOptions): Promise<SplitRule> {
  const validation = readNumber('validation', options.validation, { least: 0, below: 1 });
  const fold = options.fold === undefined ? undefined : readFold(options.fold);
  const test = fold ? 1 / fold.of : readNumber('test', options.test, { least: 0, below: 1 });
  // Shares like 0.7 and 0.3 have a sum just under 1 in binary.
  if (validation + test > 1 - 1e-9) throw flError('NF_SPLIT_SHARES', { validation, test });
  const { strategy, siteColumn, shardsPerSite, skewColumn, minGroups } = options;
  const threshold = await groupThreshold(options.bidsRoot);
  return {
    strategy,
    ...(isOfStrategy('alpha', strategy) && { alpha: readNumber('alpha', options.alpha, ALPHA) }),
    ...(strategy === 'shards' && { shards_per_site: shardsPerSite ?? USUAL.shards_per_site }),
    ...(isOfStrategy('skew_column', strategy) && skewColumn !== undefined && { skew_column: skewColumn }),
    ...(strategy === 'column' && { site_column: siteColumn }),
    ...(minGroups !== undefined && { min_groups: minGroups }),
    validation,
    test,
    ...(fold && { fold }),
    ...(threshold !== undefined && { group_threshold: threshold }),
  };
}

function readFold(text: string): { index: number; of: number } {
  const [, index = 0, of = 0] = (/^(\d{1,3})\/(\d{1,3})$/.exec(text) ?? []).map(Number);
  if (index >= 1 && of >= 2 && index <= of) return { index, of };
  throw flError('NF_SPLIT_NUMBER', { flag: 'fold', value: text, range: 'K/N with K from 1 to N, N from 2' });
}

function readNumber(flag: string, text: string, range: { least: number; below: number }): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= range.least && value < range.below) return value;
  const wanted = `a number from ${range.least} to below ${range.below}`;
  throw flError('NF_SPLIT_NUMBER', { flag, value: text, range: wanted });
}

/** The threshold that `preprocess bids` wrote beside the groups; other data sets have none. */
async function groupThreshold(bidsRoot: string): Promise<number | undefined> {
  const sidecar = await readSidecar(bidsRoot).catch(() => undefined);
  return z.looseObject({ Threshold: z.number() }).safeParse(sidecar?.[COLUMN.group]).data?.Threshold;
}
