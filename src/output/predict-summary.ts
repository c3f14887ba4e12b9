import { counted } from '../runtime/base/text/counted.ts';
import { shownPath } from '../runtime/base/text/shown-path.ts';
import type { PredictResult } from '../runtime/evaluation/predict/predict-schema.ts';
import { renderTable } from './table.ts';

/** One line a subject, and one an image where a subject has several, for people. */
export function renderPredictions(result: PredictResult): string {
  const { subjects, images, temperature, folder, notice, left_out: leftOut } = result;
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
    renderTable(['subject', 'predicted', ...classes.map((name) => `${name} %`)], rows),
    ...(leftOut[0]
      ? [`Left out: ${counted(leftOut.length, 'subject')}, ${leftOut[0].subject} first: ${leftOut[0].reason}`]
      : []),
    temperature === null
      ? "Probabilities are not calibrated: that takes 'neuroflare evaluate' of the run, with enough subjects for validation."
      : `Probabilities are calibrated (temperature ${temperature.toFixed(2)}).`,
    ...(folder === null ? [] : [`Written: ${shownPath(folder)}`]),
    notice,
  ].join('\n');
}
