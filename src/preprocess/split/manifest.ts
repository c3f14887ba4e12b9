import { z } from 'zod';
import { canonicalJson, prettyJson, sha256 } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { issueText } from '../../runtime/base/errors/issue-text.ts';
import { writeFileAtomic } from '../../runtime/base/files/files.ts';
import { readInputText } from '../../runtime/base/files/read-file.ts';
import { selectionSchema } from '../../runtime/base/selection/selection.ts';
import { FOLDER_NAME, FOLDER_NAME_RULE } from '../../runtime/base/text/folder-name.ts';
import { STRATEGIES } from './strategy.ts';

/** The three parts of a site's data, in the order they are shown. */
export const PARTITIONS = ['train', 'validation', 'test'] as const;
export type Partition = (typeof PARTITIONS)[number];

const participantId = z.string().regex(/^sub-[0-9A-Za-z+]+$/);
const count = z.int().nonnegative();
const classCounts = z.record(z.string(), count);
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const splitSiteSchema = z.strictObject({
  name: z.string().regex(FOLDER_NAME, FOLDER_NAME_RULE),
  train: z.array(participantId),
  validation: z.array(participantId),
  test: z.array(participantId),
  /** Images of each class in each part. */
  classes: z.strictObject({ train: classCounts, validation: classCounts, test: classCounts }),
  /** Images of each value of the column that was dealt unevenly, in all parts. */
  values: z.strictObject({ column: z.string(), images: classCounts }).optional(),
});

const splitRuleSchema = z.strictObject({
  strategy: z.enum(STRATEGIES),
  /** Concentration of the Dirichlet draw, of classes or of sizes; small is uneven. */
  alpha: z.number().positive().optional(),
  /** Classes, or values of the column, that each site has, for the strategy `shards`. */
  shards_per_site: z.int().positive().optional(),
  /** Column whose values differ between sites in place of the classes. */
  skew_column: z.string().optional(),
  /** Groups that each site was to have. */
  min_groups: z.int().positive().optional(),
  /** Column that names each subject's site, for the strategy `column`. */
  site_column: z.string().optional(),
  /** Wished share of the images of each class, 0 to 1. */
  validation: z.number().min(0).lt(1),
  test: z.number().min(0).lt(1),
  /** Cross-validation: the test part is fold `index` of `of`; each of the others is that of another split with the same seed. */
  fold: z.strictObject({ index: z.int().min(1), of: z.int().min(2) }).optional(),
  /** Correlation over which two images count as one patient's, where the data set has computed groups. */
  group_threshold: z.number().optional(),
  /** Of the table of pairs that were kept together beside the groups (`--links`). */
  links_sha256: digest.optional(),
});

const selectedSchema = z.strictObject({
  /** Of ids, labels and groups, as the selection made them of the tables. */
  table_sha256: digest,
  /** The table and column that the labels came from. */
  labels: z.strictObject({ table: z.string(), column: z.string() }),
  /** What each value of the column was read as; null: left out. */
  values: z.record(z.string(), z.string().nullable()),
  /** Images of the participants that were dealt. */
  images: count,
  /** Participants that were not dealt, by reason. */
  left_out: z.record(z.string(), count),
});

/**
 * Who trains, validates and tests on what: `split.json`. Version 2 has a selection, or labels of another table; version 1 neither: T1w
 * images, labels in `diagnosis` of participants.tsv. Version 3, with or without a selection, has a rule that these do not know.
 */
export const splitManifestSchema = z
  .strictObject({
    version: z.union([z.literal(1), z.literal(2), z.literal(3)]),
    kind: z.literal('neuroflare-split'),
    seed: z.int().nonnegative(),
    rule: splitRuleSchema,
    /** Which images of the data set, with which label and group. */
    selection: selectionSchema.optional(),
    /** What came of the selection. */
    selected: selectedSchema.optional(),
    dataset: z.strictObject({ participants_sha256: digest, subjects: count }),
    sites: z
      .array(splitSiteSchema)
      .min(1)
      .refine(
        (sites) => new Set(sites.map(({ name }) => name)).size === sites.length,
        'a site is there twice',
      ),
    groups: z.strictObject({ count, largest: count }),
    set_aside: z.strictObject({ duplicate: count, label_conflict: count }),
    /** Of the canonical JSON (sorted keys, no spaces) of all other fields. */
    sha256: digest,
  })
  .refine(
    ({ version, selection, selected }) =>
      version === 3
        ? (selection === undefined) === (selected === undefined)
        : (version === 2) === (selection !== undefined && selected !== undefined),
    { path: ['selection'], message: 'belongs to version 2, with what came of it' },
  )
  .refine(({ version, rule }) => (version === 3) === isNewRule(rule), {
    path: ['rule'],
    message: 'belongs to another version',
  });

/** Whether a rule is one that versions 1 and 2 do not know. */
function isNewRule(rule: SplitRule): boolean {
  const isKnown = rule.strategy !== 'shards' && rule.strategy !== 'quantity';
  return !isKnown || rule.skew_column !== undefined || rule.min_groups !== undefined;
}

/** The oldest version that can hold it. */
export function versionOf(rule: SplitRule, hasSelection: boolean): SplitManifest['version'] {
  if (isNewRule(rule)) return 3;
  return hasSelection ? 2 : 1;
}

export type SplitSite = z.infer<typeof splitSiteSchema>;
export type SplitRule = z.infer<typeof splitRuleSchema>;
export type SplitManifest = z.infer<typeof splitManifestSchema>;

export function splitDigest(split: Omit<SplitManifest, 'sha256'>): string {
  return sha256(canonicalJson({ ...split, sha256: undefined }));
}

/**
 * Reads a split and checks that it is whole. It is not compared with a data set: `checkSplit` does that.
 * @throws NF_PATH_MISSING, NF_PATH_UNUSABLE, NF_INPUT_LARGE, NF_SPLIT_MALFORMED (not JSON, or not of the schema), NF_SPLIT_HASH (edited).
 */
export async function readSplit(path: string): Promise<SplitManifest> {
  const text = await readInputText(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw Object.assign(cause, { path });
    throw flError('NF_PATH_MISSING', { what: 'Split', path }, { place: { file: path }, cause });
  });
  const split = parseSplit(text, path);
  const actual = splitDigest(split);
  if (actual !== split.sha256) {
    throw flError('NF_SPLIT_HASH', { actual, expected: split.sha256 }, { place: { file: path } });
  }
  return split;
}

/** The same split may be written again. @throws NF_SPLIT_OTHER where the file holds something else */
export async function writeSplit(path: string, split: SplitManifest): Promise<void> {
  const text = prettyJson(split);
  const present = await readInputText(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw Object.assign(error, { path });
  });
  if (present === text) return;
  if (present !== undefined) throw flError('NF_SPLIT_OTHER', { path }, { place: { file: path } });
  await writeFileAtomic(path, text);
}

function parseSplit(text: string, file: string): SplitManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw flError('NF_SPLIT_MALFORMED', { detail: (cause as Error).message }, { place: { file }, cause });
  }
  const parsed = splitManifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = { file, ...(issue?.path.length && { key: issue.path.join('.') }) };
  throw flError('NF_SPLIT_MALFORMED', { detail: issue ? issueText(issue) : 'it cannot be used' }, { place });
}
