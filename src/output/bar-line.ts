import { sizeText } from './size-text.ts';
import { fitted, widthOf } from './width.ts';

const LONGEST_BAR = 40;
const SHORTEST_BAR = 5;

export interface BarState {
  readonly label: string;
  readonly value: number;
  readonly total: number;
  /** Default: a plain number. */
  readonly unit?: 'bytes' | undefined;
  /** What comes after the figures where there is room, e.g. the time left. */
  readonly rest?: string;
}

/** One line of progress that fits the screen: the figures are always whole; the rest, the bar and the label give way to them. */
export function barLine({ label, value, total, unit, rest = '' }: BarState, columns: number): string {
  const figures = unit === 'bytes' ? `${sizeText(value)} of ${sizeText(total)}` : `${value}/${total}`;
  // The last column stays free: some terminals begin a new line as soon as it is written.
  const room = columns - 1 - widthOf(label) - ' [] '.length - widthOf(figures);
  const tail = rest !== '' && room - widthOf(rest) - 1 >= SHORTEST_BAR ? ` ${rest}` : '';
  const length = Math.min(LONGEST_BAR, room - widthOf(tail));
  if (length < SHORTEST_BAR) return `${fitted(label, columns - 2 - widthOf(figures))} ${figures}`;
  const full = total > 0 ? Math.round((Math.min(value, total) / total) * length) : length;
  return `${label} [${'▓'.repeat(full)}${'░'.repeat(length - full)}] ${figures}${tail}`;
}
