import { SAME_HEAD } from '../groups/find-groups.ts';
import { DOUBTFUL_LOSS } from '../image/head-mask.ts';
import { describeLabel } from '../sources/label-map.ts';
import type { Entry, TableContext } from './entry.ts';
import { FACE_OUTCOMES } from './examination-face.ts';
import { faceOutcomeOf, pixelDigestOf } from './facts.ts';
import { COLUMN } from './participants.ts';
import type { PictureFacts } from './picture-file.ts';
import type { VolumeFacts } from './volume-file.ts';

interface Column {
  readonly name: string;
  readonly description: string;
  readonly levels?: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, number | string>>;
  /** Undefined is written as n/a. */
  readonly value: (entry: Entry) => string | number | undefined;
}

/** participants.tsv with its first column left out, and what participants.json says of it, in one table. */
function tableColumns(entries: readonly Entry[], context: TableContext): Column[] {
  const isOfPictures = context.kind === 'pictures';
  return [
    ...labelColumns(context),
    ...(isOfPictures ? [CONTRAST] : []),
    // Of what a source may say, the columns that have anything.
    ...sourceColumns().filter(({ value }) => entries.some((entry) => value(entry) !== undefined)),
    ...groupColumns(entries, context),
    ...(isOfPictures ? pictureColumns() : volumeColumns(entries)),
    ...(context.processing.headMask ? headColumns() : []),
  ];
}

/** participants.tsv, one row an image. */
export function participantsTable(entries: readonly Entry[], context: TableContext): string {
  const columns = tableColumns(entries, context);
  const lines = [
    [COLUMN.id, ...columns.map((column) => column.name)],
    ...entries.map((entry) => [entry.id, ...columns.map((column) => cell(column.value(entry)))]),
  ];
  return lines.map((cells) => `${cells.join('\t')}\n`).join('');
}

/** participants.json: what each column means. */
export function participantsSidecar(entries: readonly Entry[], context: TableContext): object {
  const columns = tableColumns(entries, context).map(({ name, description, levels, more }) => [
    name,
    { Description: description, ...(levels && { Levels: levels }), ...more },
  ]);
  return {
    Description:
      'One row an examination of the source; images that splits leave out have a reason in set_aside.',
    participant_id: {
      Description: hasPatients(entries)
        ? `Made up, one an examination: those of one patient are held together by ${COLUMN.group}.`
        : 'Made up, one an image: which images are of one patient is not known.',
    },
    ...Object.fromEntries(columns),
  };
}

function hasPatients(entries: readonly Entry[]): boolean {
  return entries.some(({ source }) => source.patient !== undefined);
}

function labelColumns({ labels }: TableContext): Column[] {
  return [
    {
      name: COLUMN.diagnosis,
      description: 'Class of the image according to its source; not confirmed otherwise.',
      levels: Object.fromEntries(labels.map((label) => [label, describeLabel(label)])),
      value: (entry) => entry.source.label,
    },
  ];
}

const CONTRAST: Column = {
  name: 'contrast',
  description:
    'MRI contrast of the image. The suffix T1w of the file names is an assumption: BIDS has no suffix for a contrast that is not known.',
  levels: { unknown: 'The source does not say it' },
  value: () => 'unknown',
};

function sourceColumns(): Column[] {
  return [
    {
      name: COLUMN.site,
      description: 'Where the examination was made, according to the source.',
      value: (entry) => entry.source.site,
    },
    {
      name: 'session',
      description: 'Visit of the patient, according to the source; also in the names of the files.',
      value: (entry) => entry.source.session,
    },
    {
      name: 'source_split',
      description: 'Folder above the class folder in the source, such as Training or Testing.',
      value: (entry) => entry.source.origin.split,
    },
    {
      name: 'source_file',
      description:
        'Path of the image in the source; control characters and % are percent-encoded as in a URL.',
      value: (entry) => entry.source.origin.file,
    },
    {
      name: 'source_line',
      description: 'Line of the table that names the image, counted from 1.',
      value: (entry) => entry.source.origin.line,
    },
    {
      name: 'source_case',
      description: 'What the challenge calls the case.',
      value: (entry) => entry.source.origin.challengeCase,
    },
    {
      name: 'source_sha256',
      description: 'SHA-256 of the bytes of the source file.',
      value: (entry) => entry.sourceSha256,
    },
  ];
}

function groupColumns(entries: readonly Entry[], context: TableContext): Column[] {
  const { idOf } = context;
  return [
    {
      name: 'pixel_sha256',
      description:
        context.kind === 'pictures'
          ? 'SHA-256 over width, height, bit depth and the decoded grey pixels: equal for exact copies.'
          : 'SHA-256 over names, sizes and voxels of the images in the order R, A, S: equal for exact copies.',
      value: (entry) => pixelDigestOf(entry.facts),
    },
    {
      name: 'duplicate_of',
      description: 'The participant that holds the copy which is kept, for exact copies of an image.',
      value: (entry) => (entry.mark.duplicateOf === undefined ? undefined : idOf.get(entry.mark.duplicateOf)),
    },
    { name: COLUMN.group, ...groupText(entries, context), value: (entry) => entry.mark.group },
    {
      name: COLUMN.setAside,
      description: 'Why the image should not be trained or tested on; n/a for all others.',
      levels: {
        duplicate: 'Exact copy of the image named in duplicate_of',
        label_conflict: 'Its group holds one image under two labels',
      },
      value: (entry) => entry.mark.setAside,
    },
  ];
}

const GUESSED =
  'Images that may be of one patient: pixel-identical ones, thumbnails of 64 x 64 pixels that correlate over Threshold, such of the head alone that correlate over HeadThreshold (one picture with two borders), and neighbours by file number that correlate over 0.8. A lower bound on what belongs together, not a patient id. A group has at most Cap distinct images.';

function groupText(
  entries: readonly Entry[],
  { kind, rule }: TableContext,
): Pick<Column, 'description' | 'more'> {
  const isKnown = entries.every(({ source }) => source.patient !== undefined);
  const known = 'Examinations of one patient according to the source, and exact copies of one another.';
  if (isKnown) return { description: known };
  const unknown = kind === 'pictures' ? GUESSED : 'Exact copies of one another; patients are not known.';
  const more =
    kind === 'pictures'
      ? { more: { Threshold: rule.threshold, HeadThreshold: SAME_HEAD, Cap: rule.cap } }
      : {};
  if (!hasPatients(entries)) return { description: unknown, ...more };
  return { description: `${known} Where the source names no patient: ${unknown}`, ...more };
}

function column(name: string, description: string, value: Column['value']): Column {
  return { name, description, value };
}

/** A column of what is known of a picture. */
function ofPicture(
  name: string,
  description: string,
  value: (facts: PictureFacts) => string | number | undefined,
): Column {
  return column(name, description, ({ facts }) => ('picture' in facts ? value(facts.picture) : undefined));
}

function ofVolume(
  name: string,
  description: string,
  value: (facts: VolumeFacts) => string | number | undefined,
): Column {
  return column(name, description, ({ facts }) => ('volume' in facts ? value(facts.volume) : undefined));
}

function volumeColumns(entries: readonly Entry[]): Column[] {
  const hasMasks = entries.some(({ facts }) => 'volume' in facts && facts.volume.lesion !== undefined);
  const lesion = ofVolume('lesion_voxels', 'Voxels of the lesion mask that are not 0.', (facts) =>
    facts.lesion ? Object.values(facts.lesion).reduce((sum, count) => sum + count, 0) : undefined,
  );
  return [
    ofVolume('shape', 'Voxels along the three axes of the file.', ({ shape }) => shape.join('x')),
    ofVolume('voxel_size', 'Lengths of the edges of a voxel along these axes, in mm.', ({ voxel }) =>
      voxel.map((size) => Number(size.toFixed(4))).join('x'),
    ),
    ofVolume(
      'orientation',
      'Where the three axes of the file grow to: R or L, A or P, S or I.',
      (facts) => facts.orientation,
    ),
    ...(hasMasks ? [lesion] : []),
    ...faceColumns(entries),
  ];
}

function faceColumns(entries: readonly Entry[]): Column[] {
  const outcomes = new Set(entries.flatMap(({ facts }) => faceOutcomeOf(facts) ?? []));
  const removed = 'Millilitres of tissue in front of and below the brain that were removed.';
  return [
    {
      ...ofVolume('face', 'What became of the face in the images.', ({ face }) => face.outcome),
      levels: Object.fromEntries([...outcomes].sort().map((outcome) => [outcome, FACE_OUTCOMES[outcome]])),
    },
    ...(outcomes.has('removed') ? [ofVolume('face_ml', removed, ({ face }) => face.tissueMl)] : []),
  ];
}

function pictureColumns(): Column[] {
  return [
    ofPicture('width', 'Width of the source image in pixels, upright.', (facts) => facts.width),
    ofPicture('height', 'Height of the source image in pixels, upright.', (facts) => facts.height),
    ofPicture('bit_depth', 'Bits a sample in the source image.', (facts) => facts.bits),
    {
      ...ofPicture(
        'colour',
        'Whether the channels of the source image differ; if so grey is their Rec. 601 luma.',
        ({ colour }) => (colour ? 'yes' : 'no'),
      ),
      levels: { yes: 'They differ', no: 'They are equal, or there is only one' },
    },
    ofPicture(
      'exif_orientation',
      'EXIF orientation of the source image, which was undone; 1 is upright.',
      (facts) => facts.orientation,
    ),
    ofPicture('intensity_mean', 'Mean grey value of the source image.', (facts) =>
      facts.intensityMean.toFixed(2),
    ),
    ofPicture('intensity_p99', '99th percentile of the grey values of the source image.', (facts) =>
      facts.intensityP99.toFixed(0),
    ),
    ofPicture(
      'frame_mean',
      'Mean grey value of the outer 4 pixels of the source image; high values show a page or a tight crop.',
      (facts) => facts.frameMean.toFixed(2),
    ),
    ofPicture(
      'sharpness',
      'Mean absolute difference of neighbouring pixels in every fourth row over the mean grey value of the source image.',
      (facts) => facts.sharpness.toFixed(4),
    ),
  ];
}

function headColumns(): Column[] {
  return [
    {
      ...ofPicture(
        'head_mask',
        'Whether a head was found by the heuristic of the image sidecar.',
        ({ head }) => (head?.found ? (isDoubtful(head) ? 'doubtful' : 'found') : 'not_found'),
      ),
      levels: {
        found: 'What lies outside was set to zero',
        doubtful:
          'As found, but much that is bright lies outside: the mask may have cut the head, look at the image',
        not_found: 'The whole image was kept',
      },
    },
    ofPicture(
      'head_lost',
      'Share of the bright pixels of the source image that lie outside the head mask, 0 to 1.',
      ({ head }) => head?.lost.toFixed(4),
    ),
    ofPicture('head_share', 'Share of the source image inside the head mask, as found, 0 to 1.', ({ head }) =>
      head?.share.toFixed(4),
    ),
  ];
}

/** Whether a head mask may have cut the head. */
export function isDoubtful(head: NonNullable<PictureFacts['head']>): boolean {
  return head.lost > DOUBTFUL_LOSS;
}

function cell(value: string | number | undefined): string {
  if (value === undefined) return 'n/a';
  return String(value).replace(/[\x00-\x1f\x7f%]/g, (character) => encodeURIComponent(character));
}
