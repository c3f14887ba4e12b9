import { join } from 'node:path';
import { z } from 'zod';
import { flError } from '../../runtime/base/errors/errors.ts';
import { issueText } from '../../runtime/base/errors/issue-text.ts';
import {
  imagesOf,
  type Selection,
  selectionDigest,
  selectionSchema,
} from '../../runtime/base/selection/selection.ts';
import { COLUMN } from '../bids/participants.ts';
import { readSidecar } from '../bids/sidecar.ts';

/** Beside what `diagnosis` means in participants.json. */
const KEY = 'Selection';

const recordSchema = z.strictObject({
  version: z.literal(1),
  /** Digest of the selection that the tree was made by: its labels and groups stand in the table, ready. */
  sha256: z.string(),
  /** How images are chosen and read. */
  images: selectionSchema,
});

/** What a tree that `preprocess split` made for a site says of the selection behind it. */
export type SelectionRecord = z.output<typeof recordSchema>;

export function recordOf(selection: Selection): Record<typeof KEY, SelectionRecord> {
  const images = imagesOf(selection);
  return { [KEY]: { version: 1, sha256: selectionDigest(selection), images } };
}

/** Undefined where the tree is not one of these. @throws NF_SELECT_RECORD */
async function readRecord(root: string): Promise<SelectionRecord | undefined> {
  const file = join(root, 'participants.json');
  // Who reads the levels tells of a text that is no JSON.
  const sidecar = await readSidecar(root).catch(() => undefined);
  const found = z.looseObject({ [COLUMN.diagnosis]: z.looseObject({ [KEY]: z.json() }) }).safeParse(sidecar);
  if (!found.success) return undefined;
  const record = recordSchema.safeParse(found.data[COLUMN.diagnosis]?.[KEY]);
  if (record.success) return record.data;
  const [issue] = record.error.issues;
  const detail = issue ? `${issue.path.join('.')} ${issueText(issue)}` : 'it cannot be used';
  throw flError('NF_SELECT_RECORD', { detail }, { place: { file, key: `${COLUMN.diagnosis}.${KEY}` } });
}

/**
 * The selection that holds for a tree: the one that is said, unless the tree was made by it.
 * @param otherwise where nothing is said and the tree tells nothing
 * @throws NF_SELECT_MISMATCH where the tree was made by another
 */
export async function selectionFor(
  root: string,
  said: Selection | undefined,
  otherwise: Selection = {},
): Promise<Selection> {
  const record = await readRecord(root);
  if (!record) return said ?? otherwise;
  const known = [record.sha256, selectionDigest(record.images)];
  if (said === undefined || known.includes(selectionDigest(said))) return record.images;
  const params = { one: 'what is asked for', other: 'that which the data set was made by' };
  throw flError('NF_SELECT_MISMATCH', params, { place: { file: join(root, 'participants.json') } });
}

/** The selection of a split, unless another is said. @throws NF_SELECT_MISMATCH where they differ */
export function agreedSelection(
  said: Selection | undefined,
  split: { readonly path: string; readonly selection: Selection | undefined } | undefined,
): Selection | undefined {
  if (!split) return said;
  const own = split.selection ?? {};
  if (said === undefined || selectionDigest(said) === selectionDigest(own)) return split.selection;
  const params = { one: 'what is asked for', other: 'that of the split' };
  throw flError('NF_SELECT_MISMATCH', params, { place: { file: split.path } });
}
