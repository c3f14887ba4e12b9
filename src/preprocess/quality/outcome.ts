/** A figure of an image, or in words why it has none. */
export type Outcome = number | Undefined;

/** Why a figure is not defined. */
export interface Undefined {
  readonly because: string;
}

export function because(reason: string): Undefined {
  return { because: reason };
}
