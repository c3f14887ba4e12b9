import { CONTROL_NAMES } from '../learning/controls/controls.ts';
import { type Estimate, UNDEFINED } from '../statistics/figure.ts';
import type { Evaluation } from './result.ts';

/** The answer first: the figure with its interval, beside what the strongest control reaches on the same images. */
export function headlineOf(
  figures: Readonly<Record<string, Estimate>>,
  withControls: boolean,
): Evaluation['headline'] {
  const own = figures.balanced_accuracy ?? UNDEFINED;
  if (own.value === null) {
    return { balanced_accuracy: own, strongest_control: null, verdict: 'undefined', sentence: NOT_DEFINED };
  }
  const strongest = withControls ? strongestControl(figures) : undefined;
  if (!strongest) {
    const sentence = `Balanced accuracy ${percent(own)}. Without controls on the same images it is not known what this is worth.`;
    return { balanced_accuracy: own, strongest_control: null, verdict: 'no_controls', sentence };
  }
  const { name, balanced_accuracy: control, lead } = strongest;
  const verdict = verdictOf(lead);
  const sentence = `Balanced accuracy ${percent(own)}; the strongest control, ${name}, reaches ${percent(control)} on the same images. ${SAYING[verdict]} (difference ${points(lead)} points).`;
  return { balanced_accuracy: own, strongest_control: strongest, verdict, sentence };
}

const NOT_DEFINED = 'Balanced accuracy is not defined: the images lack a class.';

const SAYING = {
  beats_controls: 'The model is better',
  not_shown: 'It is not shown that the model is better',
  below_controls: 'The model is worse',
} as const;

/** The control with the highest balanced accuracy; of equal ones the first. */
function strongestControl(figures: Readonly<Record<string, Estimate>>) {
  const [best] = CONTROL_NAMES.flatMap((name) => {
    const balanced = figures[`control.${name}`];
    const lead = figures[`lead.control.${name}`];
    return balanced && lead && balanced.value !== null
      ? [{ name, balanced_accuracy: balanced, lead, value: balanced.value }]
      : [];
  }).sort((a, b) => b.value - a.value);
  return best && { name: best.name, balanced_accuracy: best.balanced_accuracy, lead: best.lead };
}

function verdictOf({ low, high }: Estimate): keyof typeof SAYING {
  if (low !== null && low > 0) return 'beats_controls';
  return high !== null && high < 0 ? 'below_controls' : 'not_shown';
}

function percent({ value, low, high }: Estimate): string {
  if (value === null) return 'undefined';
  const range = low === null || high === null ? '' : ` (95 % interval ${tenth(low)} to ${tenth(high)})`;
  return `${tenth(value)} %${range}`;
}

function points({ value, low, high }: Estimate): string {
  if (value === null) return 'undefined';
  return low === null || high === null ? tenth(value) : `${tenth(value)}, ${tenth(low)} to ${tenth(high)}`;
}

function tenth(share: number): string {
  return (100 * share).toFixed(1);
}
