import type { EstimateFigure } from '../runtime/evaluation/result-parts.ts';

/** `71.6`, of a share; `-` where it is not defined. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : (100 * share).toFixed(1);
}

/** `65.1 to 77.9`, of shares; `-` where it is not defined. */
export function interval(figure: EstimateFigure | undefined): string {
  if (!figure || figure.low === null || figure.high === null) return '-';
  return `${percent(figure.low)} to ${percent(figure.high)}`;
}
