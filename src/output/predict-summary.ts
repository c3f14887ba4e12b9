import { counted } from '../runtime/base/text/counted.ts';
import { shownPath } from '../runtime/base/text/shown-path.ts';
import type { ClassPrediction, PredictResult } from '../runtime/evaluation/predict/predict-schema.ts';
import type { MaskPrediction } from '../runtime/evaluation/segmentation/mask-prediction.ts';
import { renderTable } from './table.ts';

/** What was found of each image, for people. */
export function renderPredictions(result: PredictResult): string {
  return result.task === 'segmentation' ? renderMasks(result) : renderClasses(result);
}

/** One line an image: ml and parts of each label. */
function renderMasks({ images, labels, left_out: leftOut, folder, notice }: MaskPrediction): string {
  const rows = images.map(({ subject, source, volume_ml: ml, parts }) => [
    subject,
    ...labels.flatMap(({ name }) => [(ml[name] ?? 0).toFixed(2), String(parts[name] ?? 0)]),
    shownPath(source),
  ]);
  const head = ['subject', ...labels.flatMap(({ name }) => [`${name} ml`, 'parts']), 'image'];
  return [
    renderTable(head, rows),
    ...leftOutLines(leftOut),
    folder === null ? 'No masks were written: give a folder by --out.' : `Written: ${shownPath(folder)}`,
    notice,
  ].join('\n');
}

function leftOutLines(leftOut: PredictResult['left_out']): string[] {
  const [first] = leftOut;
  return first
    ? [`Left out: ${counted(leftOut.length, 'subject')}, ${first.subject} first: ${first.reason}`]
    : [];
}

/** One line a subject, and one an image where a subject has several, for people. */
function renderClasses(result: ClassPrediction): string {
  const { subjects, images, temperature, folder, notice, left_out: leftOut, harmonisation } = result;
  const classes = Object.keys(subjects[0]?.probabilities ?? {});
  const percent = (values: Readonly<Record<string, number>>) =>
    classes.map((name) => (100 * (values[name] ?? 0)).toFixed(1));
  const rows = subjects.flatMap((one) => {
    const own = images.filter(({ subject }) => subject === one.subject);
    const slices = own.length > 1 ? own : [];
    return [
      [one.subject, one.predicted, ...percent(one.probabilities)],
      ...slices.map((image) => [
        `  ${shownPath(image.source)}`,
        image.predicted,
        ...percent(image.probabilities),
      ]),
    ];
  });
  return [
    ...likenessLines(result),
    renderTable(['subject', 'predicted', ...classes.map((name) => `${name} %`)], rows),
    ...leftOutLines(leftOut),
    temperature === null
      ? "Probabilities are not calibrated: that takes 'neuroflare evaluate' of the run, with enough subjects for validation."
      : `Probabilities are calibrated (temperature ${temperature.toFixed(2)}).`,
    ...(harmonisation
      ? [`Pictures were harmonised: ${harmonisation.note ?? `${harmonisation.rule}, ${harmonisation.site}`}`]
      : []),
    ...(folder === null ? [] : [`Written: ${shownPath(folder)}`]),
    notice,
  ].join('\n');
}

/** Images of one kind that are named. */
const SHOWN = 10;

/** First of all: what a network says of an image of another kind means nothing. */
function likenessLines({ likeness, images }: ClassPrediction): string[] {
  const { not_known: reason, threshold, false_alarms: alarms } = likeness;
  if (reason !== null || threshold === null || alarms === null)
    return [`Whether the images are like those of training is not known: ${reason ?? ''}.`];
  const far = images.filter(({ unlike }) => unlike?.is_unlike);
  const named = far
    .slice(0, SHOWN)
    .map(({ source, unlike }) => `  ${shownPath(source)} (distance ${(unlike?.distance ?? 0).toFixed(1)})`);
  const more = far.length - named.length;
  if (far.length === 0)
    return [`No image is unlike those of training (none is farther than ${threshold.toFixed(1)}).`];
  return [
    `UNLIKE THE TRAINING IMAGES: ${counted(far.length, 'image')}, farther than ${threshold.toFixed(1)}. What the model says of them means nothing;`,
    `of images like those of training up to ${Math.round(100 * alarms)} % are called so, too.`,
    ...named,
    ...(more > 0 ? [`  and ${more} more (all of them with --json)`] : []),
  ];
}
