import { findExamples } from '../../../preprocess/bids/layout.ts';
import { groupOf, type Participant } from '../../../preprocess/bids/participants.ts';
import { readNiftiHeader } from '../../../preprocess/nifti/read.ts';
import type { ReadAs } from '../../../preprocess/nifti/series.ts';
import { montageOf } from '../../../preprocess/picture/montage.ts';
import { readChannels } from '../../../preprocess/picture/pictures.ts';
import type { Progress } from '../../base/logging/progress.ts';
import { readAs, type Selection } from '../../base/selection/selection.ts';
import { mapPool } from '../../base/threads/map-pool.ts';

/** Side of the pictures that controls look at: the frame of 4 pixels is defined on it. */
export const CONTROL_SIDE = 96;

/** What controls may see of a subject: the picture that a network would be given, and the size of the stored image. */
export interface ControlImage {
  readonly id: string;
  /** Images of one group stand in one fold. */
  readonly group: string;
  readonly label: number;
  /** 96 x 96 grey bytes; a volume's slices side by side. */
  readonly grey: Uint8Array;
  /** Those of the other channels of an example. */
  readonly others?: readonly Uint8Array[];
  /** Voxels along each axis of the stored image. */
  readonly size: readonly number[];
  /** The stored image as 96 x 96 bytes, where its frame is to be looked at and not the picture's. */
  readonly stored?: Uint8Array | undefined;
}

export interface ControlSubject {
  readonly row: Participant;
  readonly label: number;
}

interface ReadOptions {
  readonly bidsRoot: string;
  /** Which images, and how they are read. */
  readonly selection: Selection;
  /** Axial slices of a volume. */
  readonly slices: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

const READERS = 4;

/** The first example of each subject. @throws NF_BIDS_IMAGE_*, NF_NIFTI_*, NF_DATA_IMAGE_* */
export async function readControlImages(
  subjects: readonly ControlSubject[],
  { bidsRoot, selection, slices, progress, signal }: ReadOptions,
): Promise<ControlImage[]> {
  let done = 0;
  return mapPool(subjects, { jobs: READERS, signal }, async (subject) => {
    const [paths = []] = await findExamples(bidsRoot, subject.row.id, selection);
    const image = await readControlImage(subject, paths, { slices, ...readAs(selection) });
    progress({ what: 'images read for the controls', done: ++done, total: subjects.length });
    return image;
  });
}

async function readControlImage(
  { row, label }: ControlSubject,
  paths: readonly string[],
  options: ReadAs & { readonly slices: number },
): Promise<ControlImage> {
  const pictures = { ...options, imageSize: CONTROL_SIDE, layout: 'montage' } as const;
  const channels = await readChannels(paths, pictures);
  const [grey = new Uint8Array(CONTROL_SIDE ** 2), ...others] = channels.map((own) =>
    montageOf(own, CONTROL_SIDE),
  );
  const { shape } = await readNiftiHeader(paths[0] ?? '');
  return { id: row.id, group: groupOf(row), label, grey, others, size: shape };
}
