import { readdir, realpath } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { linkFault } from '../content/absent.ts';

const T1W_IMAGE = /^sub-.*_T1w\.nii(\.gz)?$/;

/**
 * The T1-weighted images of one subject, sorted by path: `sub-X/anat/*_T1w.nii[.gz]` and `sub-X/ses-Y/anat/…`, in raw data
 * sets and derivatives (`_desc-slice_T1w.nii.gz`) alike.
 * @param participantId as in participants.tsv, checked by `readParticipants`
 * @throws NF_BIDS_IMAGE_MISSING when there is none; NF_BIDS_IMAGE_OTHER for one that is named as another subject's; NF_BIDS_IMAGE_OUTSIDE for a link that leaves the data set,
 *   NF_BIDS_CONTENT_ABSENT for one into an annex whose content was not fetched, NF_BIDS_LINK for one that leads nowhere.
 */
export async function findImages(bidsRoot: string, participantId: string): Promise<string[]> {
  const images = await listImages(bidsRoot, participantId);
  if (images.length === 0) {
    const subject = join(bidsRoot, participantId);
    throw flError(
      'NF_BIDS_IMAGE_MISSING',
      { participant: participantId, path: subject },
      { place: { file: subject } },
    );
  }
  const stray = images.find((path) => !basename(path).startsWith(`${participantId}_`));
  if (stray !== undefined) {
    const params = { path: stray, participant: participantId };
    throw flError('NF_BIDS_IMAGE_OTHER', params, { place: { file: stray } });
  }
  await checkInside({ bidsRoot, participantId, images });
  return images;
}

/** As `findImages`, by name alone: none may be there, and what is there may be no image. */
export async function listImages(bidsRoot: string, participantId: string): Promise<string[]> {
  const subject = join(bidsRoot, participantId);
  const sessions = (await list(subject)).filter((name) => name.startsWith('ses-'));
  const folders = [subject, ...sessions.map((name) => join(subject, name))];
  const found = await Promise.all(folders.map((folder) => imagesIn(join(folder, 'anat'))));
  return found.flat().sort();
}

async function imagesIn(folder: string): Promise<string[]> {
  return (await list(folder)).filter((name) => T1W_IMAGE.test(name)).map((name) => join(folder, name));
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

/** Links are common in BIDS (DataLad), so they are followed, but never out of the data set. */
async function checkInside(what: {
  bidsRoot: string;
  participantId: string;
  images: readonly string[];
}): Promise<void> {
  const root = await realpath(what.bidsRoot);
  for (const path of what.images) {
    const target = await realpath(path).catch(async (cause: unknown) => {
      throw (await linkFault(path)) ?? cause;
    });
    if (!target.startsWith(root + sep)) {
      throw flError(
        'NF_BIDS_IMAGE_OUTSIDE',
        { participant: what.participantId, path },
        { place: { file: path } },
      );
    }
  }
}
