import { shownPath } from '../runtime/base/text/shown-path.ts';
import type { PredictResult } from '../runtime/evaluation/predict/predict-schema.ts';
import { renderTable } from './table.ts';

/** One line a subject, and one an image where a subject has several, for people. */
export function renderPredictions({ subjects, images, temperature, folder, notice }: PredictResult): string {
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
    temperature === null
      ? "Probabilities are not calibrated: that takes 'neuroflare evaluate' of the run, with enough subjects for validation."
      : `Probabilities are calibrated (temperature ${temperature.toFixed(2)}).`,
    ...(folder === null ? [] : [`Written: ${shownPath(folder)}`]),
    notice,
  ].join('\n');
}
