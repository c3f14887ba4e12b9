import { prettyJson } from '../../runtime/base/digest.ts';
import { packageVersion } from '../../runtime/base/files/package-version.ts';
import { DEFACING, DEFACING_README, FACE_MASK_SIDECAR, REMOVAL } from '../deface/words.ts';
import type { GroupRule } from '../groups/find-groups.ts';
import { HEAD_MARGIN } from '../image/head-margin.ts';
import { LESIONS } from './convert-examination.ts';
import type { Entry } from './entry.ts';
import type { ExaminationSource } from './examination.ts';
import { FACE_OUTCOMES, type FaceFacts } from './examination-face.ts';
import { faceOutcomeOf } from './facts.ts';
import type { Processing } from './picture-file.ts';
import { validatorNote } from './validator-note.ts';
import { BIDS_VERSION } from './versions.ts';

/** For DeidentificationMethod. */
const FACE_METHODS: Readonly<Record<FaceFacts['outcome'], string>> = {
  ...FACE_OUTCOMES,
  removed: `neuroflare ${packageVersion()}: the face was removed: ${REMOVAL}`,
  kept: 'Faces were not removed',
};

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
  readonly source: ExaminationSource;
  readonly entries: readonly Entry[];
  /** Of all keys of examinations and file digests. */
  readonly sourceDigest: string;
}

/** The files that describe the data set, and its masks where it has some, by path. */
export function datasetTexts(context: TextContext): ReadonlyMap<string, string> {
  const { source, processing } = context;
  const files: [path: string, text: string][] = [
    ['dataset_description.json', prettyJson(description(context, {}))],
    ['README', source.kind === 'pictures' ? pictureReadme(context) : volumeReadme(context)],
  ];
  if (source.kind === 'pictures') files.push(['desc-slice_T1w.json', prettyJson(pictureSidecar(processing))]);
  // One for all images of a suffix: the nearest that fits holds for a file, and there must not be two of them in one folder.
  else
    for (const suffix of suffixesOf(context.entries))
      files.push([`${suffix}.json`, prettyJson(volumeSidecar(context))]);
  return new Map([...files, ...maskTexts(context), ...faceTexts(context)]);
}

function suffixesOf(entries: readonly Entry[]): string[] {
  const names = entries.flatMap(({ source: { content } }) =>
    content.kind === 'volumes' ? content.images.map(({ name }) => name) : [],
  );
  return [...new Set(names.map((name) => name.replace(/^.*_/, '')))].sort();
}

function maskTexts(context: TextContext): [path: string, text: string][] {
  const { mask } = context.source.texts;
  const hasMasks = context.entries.some(({ facts }) => 'volume' in facts && facts.volume.lesion);
  if (!hasMasks || mask === undefined) return [];
  const about = { Name: `${context.name}: lesion masks`, DatasetLinks: { source: '../..' } };
  const sidecar = {
    Type: 'Lesion',
    Description: `${mask} 0 lies outside the lesion.`,
    SpatialReference: 'orig',
  };
  return [
    [`${LESIONS}/dataset_description.json`, prettyJson(description(context, about))],
    [`${LESIONS}/README`, maskReadme(mask)],
    [`${LESIONS}/desc-lesion_mask.json`, prettyJson(sidecar)],
  ];
}

function faceTexts(context: TextContext): [path: string, text: string][] {
  if (!outcomesOf(context).some((outcome) => outcome === 'removed' || outcome === 'none')) return [];
  const about = { Name: `${context.name}: what was removed with faces`, DatasetLinks: { source: '../..' } };
  return [
    [`${DEFACING}/dataset_description.json`, prettyJson(description(context, about))],
    [`${DEFACING}/README`, DEFACING_README],
    [`${DEFACING}/desc-face_mask.json`, prettyJson(FACE_MASK_SIDECAR)],
  ];
}

/** What became of faces, each once, as it is said of the data set. */
function outcomesOf({ entries }: TextContext): FaceFacts['outcome'][] {
  return [...new Set(entries.flatMap(({ facts }) => faceOutcomeOf(facts) ?? []))].sort();
}

function description(context: TextContext, more: object): object {
  const { source, processing } = context;
  const how =
    source.kind === 'pictures'
      ? `to NIfTI slices. ${steps(processing)}`
      : 'to NIfTI volumes; the grid is kept, and all voxels but those of faces that were removed.';
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
        Description: `preprocess bids: ${source.texts.what} ${how}`,
      },
    ],
    SourceDatasets: [{ Version: `sha256:${context.sourceDigest}` }],
    ...more,
  };
}

/** Inherited by every picture. */
function pictureSidecar(processing: Processing): object {
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

/** Inherited by every volume. */
function volumeSidecar(context: TextContext): object {
  const { texts } = context.source;
  const outcomes = outcomesOf(context);
  const butFace = outcomes.includes('removed') ? ', but for the face, which was removed' : '';
  return {
    Description: `${texts.images} Scanner and sequence are not known here, so the data set is a derivative. Grid and voxels are those of the source${butFace}.`,
    SkullStripped: texts.skullStripped,
    DeidentificationMethod: outcomes.map((outcome) => FACE_METHODS[outcome]),
  };
}

function pictureReadme({ name, entries, processing, rule, source }: TextContext): string {
  const known = entries.filter(({ source: { patient } }) => patient !== undefined).length;
  const patients =
    known === entries.length
      ? 'Who they are of is known to the source: group_id in participants.tsv holds the images of one patient together.'
      : `Each image is a participant of its own; group_id in participants.tsv holds images together that may be of one
  patient (see participants.json, threshold ${rule.threshold}). It is a lower bound on what belongs together.`;
  return `${name}

${entries.length} single images (JPEG or PNG) of heads from ${source.texts.what}, stored as NIfTI slices.
For research only. Not for diagnosis.

What is not known
- Patients. ${patients}
- Voxel size. The header says 1 mm, which only means one pixel.
- Contrast. The suffix T1w is an assumption, because BIDS has none for an unknown contrast; T2, FLAIR and CT may be among them.
- Scanner, slice plane, laterality, age, sex.

What was done
${steps(processing)}
Exact copies and groups in which one image has two labels are marked in the column set_aside. Their images are here, but
should not be trained or tested on.
${validatorNote(entries.length)}`;
}

function volumeReadme(context: TextContext): string {
  const { name, entries, source } = context;
  const outcomes = outcomesOf(context);
  return `${name}

${entries.length} examinations of heads from ${source.texts.what}, stored as NIfTI.
For research only. Not for diagnosis.

${source.texts.images}

Each examination is a participant of its own, with a number in place of its name; group_id in participants.tsv holds those of one patient
together, where the source says who they are of, and exact copies. Splits keep a group whole.
Scanner, sequence, age and sex are not known here, so the data set is a derivative.

Faces
${outcomes.map((outcome) => `- ${outcome}: ${FACE_METHODS[outcome]}.`).join('\n')}
The column face of participants.tsv says it of each examination.
${outcomes.includes('removed') ? `What was removed is marked in ${DEFACING}. Ears, teeth and the shape of the skull are left, so the images stay personal data.\n` : ''}
Exact copies, and copies under two labels, are marked in the column set_aside. Their images are here, but should not be trained or
tested on.
${validatorNote(entries.length)}`;
}

function maskReadme(mask: string): string {
  return `Masks of lesions in the images of the data set two folders up, voxel for voxel on their grid, with the values they have in the source.
${mask} 0 lies outside the lesion. For research only. Not for diagnosis.
`;
}
