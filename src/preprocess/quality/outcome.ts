/** A figure of an image, or in words why it has none. */
export type Outcome = number | Undefined;

/** Why a figure is not defined. */
export interface Undefined {
  readonly because: string;
}

export function because(reason: string): Undefined {
  return { because: reason };
}

/** A number that came out as none is no figure. */
export function finite(value: number, otherwise: string): Outcome {
  return Number.isFinite(value) ? value : because(otherwise);
}
