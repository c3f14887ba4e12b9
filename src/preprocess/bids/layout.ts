import { readdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { channelSelections, DEFAULTS, type Selection } from '../../runtime/base/selection/selection.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { firstOf } from '../../runtime/base/text/first-of.ts';
import { chooseExamples, describeImages, type Example, type Incomplete } from './choose-images.ts';
import { realInside } from './read-inside.ts';

/** Where images of a suffix lie (BIDS 1.11, "Modality specific files"); all others are anatomical. */
const DATATYPES: ReadonlyMap<string, string> = new Map([
  ['bold', 'func'],
  ['sbref', 'func'],
  ['cbv', 'func'],
  ['boldref', 'func'],
  ['dwi', 'dwi'],
  ['asl', 'perf'],
  ['m0scan', 'perf'],
  ['pet', 'pet'],
]);

/**
 * The examples of one subject that a selection takes, sorted by path: `sub-X/anat/*_T1w.nii[.gz]` and `sub-X/ses-Y/anat/…` where it says nothing, in
 * raw data sets and derivatives (`_desc-slice_T1w.nii.gz`) alike; with channels one image of each, by session.
 * @param participantId as in participants.tsv, checked by `readParticipants`
 * @throws NF_BIDS_IMAGE_MISSING when there is none; NF_SELECT_CHANNEL_MISSING for a session that lacks a channel and must not; NF_SELECT_AMBIGUOUS;
 *   NF_BIDS_IMAGE_OTHER for one that is named as another subject's; NF_BIDS_IMAGE_OUTSIDE for a link that leaves the data set,
 *   NF_BIDS_CONTENT_ABSENT for one into an annex whose content was not fetched, NF_BIDS_LINK for one that leads nowhere.
 */
export async function findExamples(
  bidsRoot: string,
  participantId: string,
  selection: Selection = {},
): Promise<Example[]> {
  const { examples, incomplete } = await listExamples(bidsRoot, participantId, selection);
  const subject = join(bidsRoot, participantId);
  if (incomplete.length > 0 && selection.incomplete !== 'drop')
    throw channelMissing([{ participant: participantId, incomplete }], subject);
  if (examples.length === 0) {
    throw flError(
      'NF_BIDS_IMAGE_MISSING',
      { what: describeImages(selection), participant: participantId, path: subject },
      { place: { file: subject } },
    );
  }
  const images = examples.flat();
  const stray = images.find((path) => !basename(path).startsWith(`${participantId}_`));
  if (stray !== undefined) {
    const params = { path: stray, participant: participantId };
    throw flError('NF_BIDS_IMAGE_OTHER', params, { place: { file: stray } });
  }
  await checkInside({ bidsRoot, participantId, images });
  return examples;
}

/** As `findExamples`, by name alone: none may be there, and what is there may be no image. @throws NF_SELECT_AMBIGUOUS */
export async function listExamples(
  bidsRoot: string,
  participantId: string,
  selection: Selection = {},
): Promise<{ examples: Example[]; incomplete: Incomplete[] }> {
  const types = [...new Set(channelSelections(selection).map(datatypeOf))];
  const folder = join(bidsRoot, participantId);
  const listed = await Promise.all(types.map(async (type) => [type, await filesOf(folder, type)] as const));
  const files = new Map(listed);
  return chooseExamples((channel) => files.get(datatypeOf(channel)) ?? [], selection);
}

function datatypeOf({ suffix = DEFAULTS.suffix }: Selection): string {
  return DATATYPES.get(suffix) ?? 'anat';
}

/** A subject some of whose sessions lack channels. */
export interface Lacking {
  readonly participant: string;
  readonly incomplete: readonly Incomplete[];
}

/** All channels that are missing, in one error. */
export function channelMissing(lacking: readonly Lacking[], folder: string) {
  const named = incompleteNames(lacking);
  const params = { count: counted(named.length, 'example'), named: firstOf(named) };
  return flError('NF_SELECT_CHANNEL_MISSING', params, { place: { file: folder } });
}

/** `sub-01 ses-1 (no FLAIR)`. */
export function incompleteNames(lacking: readonly Lacking[]): string[] {
  return lacking.flatMap(({ participant, incomplete }) =>
    incomplete.map(({ session, missing }) => {
      const who = session === undefined ? participant : `${participant} ses-${session}`;
      return `${who} (no ${missing.join(', no ')})`;
    }),
  );
}

/** All files of a subject's datatypes, whatever their suffix. */
export function listFiles(bidsRoot: string, participantId: string): Promise<string[]> {
  return filesOf(join(bidsRoot, participantId), undefined);
}

async function filesOf(subject: string, datatype: string | undefined): Promise<string[]> {
  const top = await list(subject);
  const sessions = top.filter((name) => name.startsWith('ses-')).map((name) => join(subject, name));
  const found = await Promise.all(
    [subject, ...sessions].map(async (folder) => {
      const names = datatype === undefined ? await list(folder) : [datatype];
      const places = names.filter((name) => !name.startsWith('ses-')).map((name) => join(folder, name));
      return Promise.all(places.map(async (place) => (await list(place)).map((name) => join(place, name))));
    }),
  );
  return found.flat(2);
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

/** Looks that images of a subject lie in the data set. @throws as `realInside` */
export async function checkInside(what: {
  bidsRoot: string;
  participantId: string;
  images: readonly string[];
}): Promise<void> {
  const root = await realpath(what.bidsRoot);
  for (const path of what.images) await realInside(path, { root, participant: what.participantId });
}
