import type { GroupMark, GroupRule } from '../groups/find-groups.ts';
import { describeLabel } from './label-map.ts';
import { COLUMN } from './participants.ts';
import type { PictureFacts, Processing } from './picture-file.ts';
import type { SourcePicture } from './scan.ts';

/** One image of the data set to be: a row of participants.tsv. */
export interface Entry {
  /** `sub-0001` */
  readonly id: string;
  readonly source: SourcePicture;
  readonly sourceSha256: string;
  readonly facts: PictureFacts;
  readonly mark: GroupMark;
}

/** What all rows have in common. */
export interface TableContext {
  readonly rule: GroupRule;
  readonly processing: Processing;
  readonly labels: readonly string[];
  /** Participant by source path. */
  readonly idOf: ReadonlyMap<string, string>;
}

interface Column {
  readonly name: string;
  readonly description: string;
  readonly levels?: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, number | string>>;
  /** Undefined is written as n/a. */
  readonly value: (entry: Entry) => string | number | undefined;
}

/** participants.tsv with its first column left out, and what participants.json says of it, in one table. */
export function tableColumns(context: TableContext): Column[] {
  const head = context.processing.headMask ? headColumns() : [];
  return [
    ...labelColumns(context),
    ...sourceColumns(),
    ...groupColumns(context),
    ...pictureColumns(),
    ...head,
  ];
}

/** participants.tsv, one row an image. */
export function participantsTable(entries: readonly Entry[], context: TableContext): string {
  const columns = tableColumns(context);
  const lines = [
    [COLUMN.id, ...columns.map((column) => column.name)],
    ...entries.map((entry) => [entry.id, ...columns.map((column) => cell(column.value(entry)))]),
  ];
  return lines.map((cells) => `${cells.join('\t')}\n`).join('');
}

/** participants.json: what each column means. */
export function participantsSidecar(context: TableContext): object {
  const columns = tableColumns(context).map(({ name, description, levels, more }) => [
    name,
    { Description: description, ...(levels && { Levels: levels }), ...more },
  ]);
  return {
    Description: 'One row an image of the source; images that splits leave out have a reason in set_aside.',
    participant_id: {
      Description: 'Made up, one an image: which images are of one patient is not known.',
    },
    ...Object.fromEntries(columns),
  };
}

function labelColumns({ labels }: TableContext): Column[] {
  return [
    {
      name: COLUMN.diagnosis,
      description: 'Class of the image according to the folder it came from; not confirmed otherwise.',
      levels: Object.fromEntries(labels.map((label) => [label, describeLabel(label)])),
      value: (entry) => entry.source.label,
    },
    {
      name: 'contrast',
      description:
        'MRI contrast of the image. The suffix T1w of the file names is an assumption: BIDS has no suffix for a contrast that is not known.',
      levels: { unknown: 'The source does not say it' },
      value: () => 'unknown',
    },
  ];
}

function sourceColumns(): Column[] {
  return [
    {
      name: 'source_split',
      description: 'Folder above the class folder in the source, such as Training or Testing.',
      value: (entry) => entry.source.split,
    },
    {
      name: 'source_file',
      description:
        'Path of the image in the source; control characters and % are percent-encoded as in a URL.',
      value: (entry) => entry.source.path,
    },
    {
      name: 'source_sha256',
      description: 'SHA-256 of the bytes of the source file.',
      value: (entry) => entry.sourceSha256,
    },
  ];
}

function groupColumns({ rule, idOf }: TableContext): Column[] {
  return [
    {
      name: 'pixel_sha256',
      description:
        'SHA-256 over width, height, bit depth and the decoded grey pixels: equal for exact copies.',
      value: (entry) => entry.facts.pixelSha256,
    },
    {
      name: 'duplicate_of',
      description: 'The participant that holds the copy which is kept, for exact copies of an image.',
      value: (entry) => (entry.mark.duplicateOf === undefined ? undefined : idOf.get(entry.mark.duplicateOf)),
    },
    {
      name: COLUMN.group,
      description:
        'Images that may be of one patient: pixel-identical ones, thumbnails of 64 x 64 pixels that correlate over Threshold, and neighbours by file number that correlate over 0.8. A lower bound on what belongs together, not a patient id. A group has at most Cap distinct images.',
      more: { Threshold: rule.threshold, Cap: rule.cap },
      value: (entry) => entry.mark.group,
    },
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

function pictureColumns(): Column[] {
  const column = (name: string, description: string, value: Column['value']): Column => ({
    name,
    description,
    value,
  });
  return [
    column('width', 'Width of the source image in pixels, upright.', ({ facts }) => facts.width),
    column('height', 'Height of the source image in pixels, upright.', ({ facts }) => facts.height),
    column('bit_depth', 'Bits a sample in the source image.', ({ facts }) => facts.bits),
    {
      name: 'colour',
      description: 'Whether the channels of the source image differ; if so grey is their Rec. 601 luma.',
      levels: { yes: 'They differ', no: 'They are equal, or there is only one' },
      value: ({ facts }) => (facts.colour ? 'yes' : 'no'),
    },
    column(
      'exif_orientation',
      'EXIF orientation of the source image, which was undone; 1 is upright.',
      ({ facts }) => facts.orientation,
    ),
    column('intensity_mean', 'Mean grey value of the source image.', ({ facts }) =>
      facts.intensityMean.toFixed(2),
    ),
    column('intensity_p99', '99th percentile of the grey values of the source image.', ({ facts }) =>
      facts.intensityP99.toFixed(0),
    ),
    column(
      'frame_mean',
      'Mean grey value of the outer 4 pixels of the source image; high values show a page or a tight crop.',
      ({ facts }) => facts.frameMean.toFixed(2),
    ),
    column(
      'sharpness',
      'Mean absolute difference of neighbouring pixels in every fourth row over the mean grey value of the source image.',
      ({ facts }) => facts.sharpness.toFixed(4),
    ),
  ];
}

function headColumns(): Column[] {
  return [
    {
      name: 'head_mask',
      description: 'Whether a head was found by the heuristic of the image sidecar.',
      levels: { found: 'What lies outside was set to zero', not_found: 'The whole image was kept' },
      value: ({ facts }) => (facts.head?.found ? 'found' : 'not_found'),
    },
    {
      name: 'head_share',
      description: 'Share of the source image inside the head mask, as found, 0 to 1.',
      value: ({ facts }) => facts.head?.share.toFixed(4),
    },
  ];
}

function cell(value: string | number | undefined): string {
  if (value === undefined) return 'n/a';
  return String(value).replace(/[\x00-\x1f\x7f%]/g, (character) => encodeURIComponent(character));
}
