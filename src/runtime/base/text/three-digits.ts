/** A number to three digits, without zeros at its end: what people compare is no longer. */
export function threeDigits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
