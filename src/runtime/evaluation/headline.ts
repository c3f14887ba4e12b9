import { CONTROL_NAMES } from '../learning/controls/controls.ts';
import { type Estimate, UNDEFINED } from '../statistics/figure.ts';
import type { ClassEvaluation } from './class-result.ts';
import type { Verdict } from './result-parts.ts';

/** What a control reaches, and how far the model lies above it. */
export interface ControlFigure {
  readonly name: string;
  readonly figure: Estimate;
  readonly lead: Estimate;
}

export interface Answer {
  readonly strongest: ControlFigure | undefined;
  readonly verdict: Verdict;
  readonly sentence: string;
}

/** The answer first: the figure with its interval, beside what the strongest control reaches on the same images. */
export function answerOf(asked: {
  /** `Balanced accuracy`. */
  readonly what: string;
  readonly own: Estimate;
  /** Why there may be no figure. */
  readonly undefinedBecause: string;
  /** Undefined where they were not run; of equal ones the first is named. */
  readonly controls: readonly ControlFigure[] | undefined;
}): Answer {
  const { what, own, undefinedBecause, controls = [] } = asked;
  if (own.value === null) {
    const sentence = `${what} is not defined: ${undefinedBecause}.`;
    return { strongest: undefined, verdict: 'undefined', sentence };
  }
  const [strongest] = controls
    .flatMap((one) => (one.figure.value === null ? [] : [{ one, value: one.figure.value }]))
    .sort((a, b) => b.value - a.value);
  if (!strongest) {
    const sentence = `${what} ${percent(own)}. Without controls on the same images it is not known what this is worth.`;
    return { strongest: undefined, verdict: 'no_controls', sentence };
  }
  const { name, figure, lead } = strongest.one;
  const verdict = verdictOf(lead);
  const sentence = `${what} ${percent(own)}; the strongest control, ${name}, reaches ${percent(figure)} on the same images. ${SAYING[verdict]} (difference ${points(lead)} points).`;
  return { strongest: strongest.one, verdict, sentence };
}

/** Of classes: balanced accuracy. */
export function headlineOf(
  figures: Readonly<Record<string, Estimate>>,
  withControls: boolean,
): ClassEvaluation['headline'] {
  const own = figures.balanced_accuracy ?? UNDEFINED;
  const controls = CONTROL_NAMES.flatMap((name): ControlFigure[] => {
    const [figure, lead] = [figures[`control.${name}`], figures[`lead.control.${name}`]];
    return figure && lead ? [{ name, figure, lead }] : [];
  });
  const { strongest, verdict, sentence } = answerOf({
    what: 'Balanced accuracy',
    own,
    undefinedBecause: 'the images lack a class',
    controls: withControls ? controls : undefined,
  });
  return {
    balanced_accuracy: own,
    strongest_control: strongest
      ? { name: strongest.name, balanced_accuracy: strongest.figure, lead: strongest.lead }
      : null,
    verdict,
    sentence,
  };
}

const SAYING = {
  beats_controls: 'The model is better',
  not_shown: 'It is not shown that the model is better',
  below_controls: 'The model is worse',
} as const;

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
