import type { DicomImport } from '../preprocess/dicom/import/summary.ts';
import { PROBLEMS, type ProblemCode } from '../preprocess/dicom/problems.ts';
import { counted } from '../runtime/base/text/counted.ts';
import { nextLine, suffixFlags } from './suffix-flags.ts';
import { renderTable } from './table.ts';

/** What `preprocess bids --dicom-map` made of a folder, for people. */
export function renderDicomImport(result: DicomImport): string {
  const { series, target, key, labels } = result;
  const rows = series.map(({ series: id, rule, outcome, images }) => [
    id,
    rule ?? '-',
    outcome,
    images.join(', '),
  ]);
  return [
    renderTable(['series', 'rule', 'outcome', 'images'], rows),
    ...series.flatMap(({ series: id, problems }) =>
      problems.map(({ code, count }) => problemLine(id, code, count)),
    ),
    `${counted(result.images, 'image')} of ${counted(result.subjects, 'subject')} in ${counted(result.sessions, 'session')}`,
    ...(labels ? [`Labels: ${labelsText(labels, result.unlabelled)}`] : []),
    ...(key.made
      ? [
          `A new key was made: ${key.file}. Keep it, and keep it at the site: with it the next import finds the same subjects.`,
        ]
      : []),
    ...(target === null ? ['Nothing was written (--dry-run).'] : written(target, result)),
  ].join('\n');
}

function problemLine(id: string, code: string, count: number): string {
  const [severity, what, advice] = PROBLEMS[code as ProblemCode];
  return `${id} ${severity}: ${what} (${code}, ${count}); ${advice}`;
}

function labelsText(labels: Readonly<Record<string, number>>, unlabelled: number): string {
  const known = Object.entries(labels).map(([label, count]) => `${label} ${count}`);
  return [...known, ...(unlabelled > 0 ? [`without label ${unlabelled}`] : [])].join(', ');
}

function written(target: string, { removed, faces, series }: DicomImport): string[] {
  const images = series.flatMap((one) => one.images.map((image) => `${image}.nii.gz`));
  return [
    `${counted(removed.length, 'kind')} of identifying elements not carried over: ${target}/code/deidentification.tsv`,
    ...faceLines(faces, target),
    `BIDS data set: ${target}`,
    nextLine(['check', 'split'], [target, ...suffixFlags(images)]),
  ];
}

function faceLines(faces: DicomImport['faces'], target: string): string[] {
  const number = (wanted: DicomImport['faces'][number]['face']) =>
    faces.filter(({ face }) => face === wanted).length;
  const [removed, none, kept] = [number('removed'), number('none'), number('kept')];
  return [
    ...(removed > 0
      ? [
          `Faces removed from ${counted(removed, 'image')}; look at the masks in ${target}/derivatives/defacing`,
        ]
      : []),
    ...(none > 0 ? [`Nothing in the place of the face in ${counted(none, 'image')}`] : []),
    ...(kept > 0 ? [`Faces are in ${counted(kept, 'image')}, as --no-deface or the map says`] : []),
    'People can be recognised by what is left, too (ears, teeth, the skull): treat the images as personal data.',
  ];
}
