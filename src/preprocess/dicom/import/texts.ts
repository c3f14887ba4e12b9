import { prettyJson } from '../../../runtime/base/digest.ts';
import { packageVersion } from '../../../runtime/base/files/package-version.ts';
import { validatorNote } from '../../bids/validator-note.ts';
import { BIDS_VERSION, HED_VERSION } from '../../bids/versions.ts';
import type { SeriesMap } from '../series-map.ts';
import { WITHHELD } from './sidecar.ts';

const UNNAMED = 'The authors of the images, who are not named here';

export interface DatasetWords {
  readonly name: string;
  readonly license: string;
  readonly authors: readonly string[];
}

/** All but what became of faces, which each image says for itself. */
export function deidentificationMethod(map: SeriesMap): string[] {
  return [
    `neuroflare ${packageVersion()}: sidecars hold keys of a closed list only`,
    'Subjects and sessions are named by HMAC-SHA256 with a key that stays at the site',
    map.dates === 'shift'
      ? 'Times of acquisition are moved back by a secret span of 109 to 119 years, the same for all sessions of a subject'
      : 'Times of acquisition are left out',
    'Texts of NIfTI headers are emptied; every output was searched for names, ids, dates, places and devices of the headers',
  ];
}

/** At least two, as the validator wants. */
export function authorsOf({ authors }: DatasetWords): string[] {
  return [...(authors.length > 0 ? authors : [UNNAMED]), 'neuroflare (conversion)'];
}

/** Files of the root: the description, the README, and what all sidecars of a suffix have in common. */
export function rootTexts(
  words: DatasetWords,
  { map, suffixes, participants }: { map: SeriesMap; suffixes: readonly string[]; participants: number },
): ReadonlyMap<string, string> {
  const description = {
    Name: words.name,
    BIDSVersion: BIDS_VERSION,
    HEDVersion: HED_VERSION,
    DatasetType: map.dataset_type,
    License: words.license,
    Authors: authorsOf(words),
    GeneratedBy: [
      {
        Name: 'neuroflare',
        Version: packageVersion(),
        Description: 'preprocess bids --dicom-map: DICOM series to NIfTI by dcm2niix, de-identified',
      },
    ],
    SourceDatasets: [],
  };
  const common = {
    ...WITHHELD,
    ...(map.dataset_type === 'derivative' && {
      SkullStripped: false,
      Description: 'Image as the scanner made it, converted from DICOM and de-identified.',
    }),
  };
  return new Map([
    ['dataset_description.json', prettyJson(description)],
    ['README', readme(words, map) + validatorNote(participants)],
    ...suffixes.map((suffix) => [`${suffix}.json`, prettyJson(common)] as const),
  ]);
}

function readme({ name, license }: DatasetWords, map: SeriesMap): string {
  return `${name}

MR images made from DICOM files by neuroflare ${packageVersion()} (preprocess bids --dicom-map). Licence: ${license}

De-identification:
${deidentificationMethod(map)
  .map((line) => `- ${line}.`)
  .join('\n')}
code/deidentification.tsv counts the elements of the DICOM headers that were not carried over.

Faces: code/defacing.tsv says of each image whether the face was removed, and its sidecar says how. The masks in derivatives/defacing mark
what was removed. An image without a row has its face. Ears, teeth and the shape of the skull are left in all images: treat
them as personal data.

What is n/a in the sidecars of the root was withheld, or is not said by the DICOM files.
`;
}

/** What derivatives must say of each table, and raw data sets take for a column. */
function describedAs(text: string, map: SeriesMap): object {
  return map.dataset_type === 'derivative' ? { Description: text } : {};
}

export function participantsSidecar(map: SeriesMap, { hasLabels }: { hasLabels: boolean }): object {
  return {
    ...describedAs('One row a subject.', map),
    participant_id: {
      Description: 'Made of the patient id by the key of the site; without the key it leads to nobody.',
    },
    ...(hasLabels && {
      diagnosis: {
        Description:
          'Label of the patient in the table that the site gave for the import; n/a where it has none.',
      },
    }),
  };
}

export function scansSidecar(map: SeriesMap): object {
  const shifted = 'Time of acquisition, moved back by a secret span that all sessions of a subject share.';
  return {
    ...describedAs('One row an image.', map),
    acq_time: { Description: map.dates === 'shift' ? shifted : 'Left out.' },
  };
}
