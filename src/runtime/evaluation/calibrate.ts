import { u8At } from '../base/at.ts';
import { counted } from '../base/text/counted.ts';
import { reliabilityBins, sortConfidences } from '../statistics/calibration.ts';
import { fitTemperature, LEAST_FITTED, type Scored, withTemperature } from '../statistics/probabilities.ts';
import type { ClassEvaluation } from './class-result.ts';
import type { Judged } from './judged-people.ts';

export interface Calibration {
  readonly temperature: number | null;
  readonly fittedOn: string;
  /** The judged rows at that temperature. */
  readonly calibrated: Scored | undefined;
}

/** Fits the temperature on validation subjects, by losses summed over the sites, and applies it to the judged ones. */
export function calibrate(judged: Judged, validation: Judged, part: 'validation' | 'test'): Calibration {
  const none = (reason: string) => ({
    temperature: null,
    fittedOn: `not fitted: ${reason}`,
    calibrated: undefined,
  });
  if (part === 'validation') return none('the evaluated images are the validation images');
  const count = validation.labels.length;
  if (count < LEAST_FITTED) return none(`${count} validation subjects are fewer than ${LEAST_FITTED}`);
  const temperature = fitTemperature(bySite(validation));
  return {
    temperature,
    fittedOn: `${counted(count, 'validation subject')} at ${counted(new Set(validation.sites).size, 'site')}, losses summed`,
    calibrated: withTemperature(judged, temperature),
  };
}

function bySite({ sites, labels, probabilities, classes }: Judged): Scored[] {
  return [...Map.groupBy(labels.keys(), (row) => sites[row]).values()].map((rows) => ({
    classes,
    labels: rows.map((row) => u8At(labels, row)),
    probabilities: Float64Array.from(
      rows.flatMap((row) => [...probabilities.subarray(row * classes, (row + 1) * classes)]),
    ),
  }));
}

export function describeCalibration(
  judged: Judged,
  calibration: Calibration,
): ClassEvaluation['calibration'] {
  const { temperature, fittedOn, calibrated } = calibration;
  return {
    temperature,
    fitted_on: fittedOn,
    bins: reliabilityBins(sortConfidences(judged)),
    bins_calibrated: calibrated ? reliabilityBins(sortConfidences(calibrated)) : null,
  };
}
