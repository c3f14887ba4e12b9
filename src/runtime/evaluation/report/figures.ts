import type { HeadlineName } from '../result.ts';
import type { EstimateFigure } from '../result-parts.ts';

/** At the beginning of a sentence. */
export const HEADLINE_TITLES: Readonly<Record<HeadlineName, string>> = {
  balanced_accuracy: 'Balanced accuracy',
  dice: 'Dice',
};

/** `71.6`, of a share; a dash where it is not defined. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : (100 * share).toFixed(1);
}

/** `65.1 to 77.9`, of shares. */
export function interval(figure: EstimateFigure | undefined): string {
  if (!figure || figure.low === null || figure.high === null) return '–';
  return `${percent(figure.low)} to ${percent(figure.high)}`;
}

/** With three decimals. */
export function decimal(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toFixed(3);
}

/** `4.2`, of mm. */
export function millimetres(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toFixed(1);
}

/** The first digits of a digest. */
export function shortDigest(digest: string | null): string {
  return digest === null ? '–' : digest.slice(0, 16);
}

/** `no_tumor` as `no tumor`. */
export function classTitle(name: string): string {
  return name.replaceAll('_', ' ');
}
