import { prettyJson } from '../../runtime/base/digest.ts';
import { packageVersion } from '../../runtime/base/files/package-version.ts';
import type { GroupRule } from '../groups/find-groups.ts';
import { HEAD_MARGIN } from '../image/head-margin.ts';
import type { Processing } from './picture-file.ts';
import { validatorNote } from './validator-note.ts';

const BIDS_VERSION = '1.11.1';
const UNNAMED = 'The authors of the source images, who are not named here';

/** What a person says of the data set. */
export interface DatasetTexts {
  readonly name: string;
  readonly license: string;
  /** Who made the images; may be empty. */
  readonly authors: readonly string[];
}

export interface TextContext extends DatasetTexts {
  readonly processing: Processing;
  readonly rule: GroupRule;
  readonly images: number;
  /** Of all source paths and file digests. */
  readonly sourceDigest: string;
}

/** The files of the root that describe the data set, by name. */
export function datasetTexts(context: TextContext): ReadonlyMap<string, string> {
  return new Map([
    ['dataset_description.json', prettyJson(description(context))],
    ['desc-slice_T1w.json', prettyJson(sidecar(context.processing))],
    ['README', readme(context)],
  ]);
}

function description(context: TextContext): object {
  return {
    Name: context.name,
    BIDSVersion: BIDS_VERSION,
    DatasetType: 'derivative',
    License: context.license,
    // The validator wants at least two.
    Authors: [...(context.authors.length > 0 ? context.authors : [UNNAMED]), 'neuroflare (conversion)'],
    GeneratedBy: [
      {
        Name: 'neuroflare',
        Version: packageVersion(),
        Description: `preprocess bids: JPEG and PNG images in class folders to NIfTI slices. ${steps(context.processing)}`,
      },
    ],
    SourceDatasets: [{ Version: `sha256:${context.sourceDigest}` }],
  };
}

/** Inherited by every image. */
function sidecar(processing: Processing): object {
  return {
    Description:
      'A single 2-D picture, stored as a slice. Voxel size, slice plane and laterality are not known: the header says 1 mm, ' +
      'which means one pixel, and y grows towards the top of the picture. The contrast is not known either; T1w is an assumption. ' +
      `Values are grey levels of a picture, not of a scanner. ${steps(processing)}`,
    SkullStripped: false,
    Processing: {
      Size: processing.size ?? 'as the source',
      HeadMask: processing.headMask
        ? {
            Method:
              'Otsu threshold on a blurred copy, opening, largest component, closing, holes filled; zero outside; cropped',
            Scaling: '99th percentile inside the mask to full scale',
            Margin: HEAD_MARGIN,
            Note: 'A heuristic for the head with skull and skin, not a brain mask',
          }
        : false,
    },
  };
}

function steps({ size, headMask }: Processing): string {
  const parts = [
    'Decoded to grey, EXIF orientation undone',
    headMask && 'cropped to a heuristic head mask, zero outside it, scaled to its 99th percentile',
    size !== undefined && `letterboxed to ${size} x ${size} pixels`,
  ];
  return `${parts.filter(Boolean).join('; ')}.`;
}

function readme({ name, images, processing, rule }: TextContext): string {
  return `${name}

${images} single images (JPEG or PNG) of heads, sorted into class folders by their source, stored as NIfTI slices.
For research only. Not for diagnosis.

What is not known
- Patients. Each image is a participant of its own; group_id in participants.tsv holds images together that may be of one
  patient (see participants.json, threshold ${rule.threshold}). It is a lower bound on what belongs together.
- Voxel size. The header says 1 mm, which only means one pixel.
- Contrast. The suffix T1w is an assumption, because BIDS has none for an unknown contrast; T2, FLAIR and CT may be among them.
- Scanner, slice plane, laterality, age, sex.

What was done
${steps(processing)}
Exact copies and groups in which one image has two labels are marked in the column set_aside. Their images are here, but
should not be trained or tested on.
${validatorNote(images)}`;
}
