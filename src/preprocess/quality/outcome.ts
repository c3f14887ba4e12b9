/** A figure of an image, or in words why it has none. */
export type Outcome = number | Undefined;

/** Why a figure is not defined. */
export interface Undefined {
  readonly because: string;
}

export function because(reason: string): Undefined {
  return { because: reason };
}

/** The numbers by their names, null where there is none, and why there is none. */
export function partedOutcomes(outcomes: readonly (readonly [name: string, outcome: Outcome])[]): {
  figures: Record<string, number | null>;
  not_defined: Record<string, string>;
} {
  return {
    figures: Object.fromEntries(outcomes.map(([name, one]) => [name, typeof one === 'number' ? one : null])),
    not_defined: Object.fromEntries(
      outcomes.flatMap(([name, one]) => (typeof one === 'number' ? [] : [[name, one.because]])),
    ),
  };
}
