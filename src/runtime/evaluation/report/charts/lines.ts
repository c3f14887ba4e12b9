import { type Html, html } from '../../../base/text/html.ts';
import { linearScale, ticks } from './scale.ts';

/** Values at 0, 1, 2, …, or where `at` says; null leaves a gap. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Rising. */
  readonly at?: readonly number[];
  /** Drawn over the others. */
  readonly main?: boolean;
}

const WIDTH = 720;
const HEIGHT = 250;
const BOX = { left: 52, right: 560, top: 14, bottom: 214 };
const PALETTE = 8;

/** One line a series over rounds, or what else `x` says, with a legend at its right. */
export function lineChart(
  lines: readonly Line[],
  options: { title: string; x: string; range?: [number, number] },
): Html {
  const isCounted = lines.every(({ at }) => at === undefined || at.every(Number.isInteger));
  const ends = lines.map((line) => (line.values.length === 0 ? 0 : placeOf(line, line.values.length - 1)));
  const longest = Math.max(0, ...ends) || 1;
  const known = lines.flatMap(({ values }) => values.filter((value) => value !== null));
  const range = options.range ?? padded(Math.min(...known), Math.max(...known));
  const x = linearScale([0, longest], [BOX.left, BOX.right]);
  const y = linearScale(range, [BOX.bottom, BOX.top]);
  const rows = ticks(range, 5).map(
    (tick) => html`<line class="grid" x1="${BOX.left}" x2="${BOX.right}" y1="${y(tick)}" y2="${y(tick)}"/>
<text class="tick" x="${BOX.left - 8}" y="${y(tick) + 4}" text-anchor="end">${Number(tick.toPrecision(3))}</text>`,
  );
  const columns = ticks([0, longest], 8)
    .filter((tick) => !isCounted || Number.isInteger(tick))
    .map(
      (tick) =>
        html`<text class="tick" x="${x(tick)}" y="${BOX.bottom + 18}" text-anchor="middle">${Number(tick.toPrecision(3))}</text>`,
    );
  const ordered = [...lines.entries()].sort(
    ([, a], [, b]) => Number(a.main ?? false) - Number(b.main ?? false),
  );
  const paths = ordered.map(
    ([at, line]) =>
      html`<path class="line ${colour(at, line)}" d="${pathOf(line, x, y)}"/>${dots(at, line, { x, y })}`,
  );
  return html`<div class="scroll" tabindex="0"><svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${options.title}">${rows}${columns}
<text class="tick" x="${(BOX.left + BOX.right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${options.x}</text>${paths}${legend(lines)}</svg></div>`;
}

function padded(low: number, high: number): [number, number] {
  if (!Number.isFinite(low)) return [0, 1];
  const pad = 0.05 * (high - low || 1);
  return [low - pad, high + pad];
}

function colour(at: number, { main }: Line): string {
  return main ? 'main' : `c${at % PALETTE}`;
}

/** A series of one value would draw no path. */
function dots(
  at: number,
  line: Line,
  { x, y }: { x: (v: number) => number; y: (v: number) => number },
): Html[] {
  const alone = line.values.filter((value) => value !== null).length === 1;
  if (!alone && !line.main) return [];
  return line.values.flatMap((value, index) =>
    value === null
      ? []
      : [
          html`<circle class="point ${colour(at, line)}" cx="${x(placeOf(line, index))}" cy="${y(value)}" r="3"/>`,
        ],
  );
}

/** On the horizontal axis. */
function placeOf({ at }: Line, index: number): number {
  return at?.[index] ?? index;
}

function pathOf(line: Line, x: (v: number) => number, y: (v: number) => number): string {
  let started = false;
  return line.values
    .map((value, index) => {
      if (value === null) {
        started = false;
        return '';
      }
      const step = `${started ? 'L' : 'M'}${x(placeOf(line, index))} ${y(value)}`;
      started = true;
      return step;
    })
    .join('');
}

/** More names than fit are counted. */
const LEGEND_ROWS = 10;

function legend(lines: readonly Line[]): Html[] {
  const shown = lines.slice(0, LEGEND_ROWS);
  const rows = shown.map((line, at) => {
    const y = BOX.top + 10 + at * 20;
    return html`<line class="line ${colour(at, line)}" x1="${BOX.right + 24}" x2="${BOX.right + 44}" y1="${y}" y2="${y}"/>
<text class="value" x="${BOX.right + 52}" y="${y + 4}">${line.name}</text>`;
  });
  const more = lines.length - shown.length;
  if (more === 0) return rows;
  const y = BOX.top + 14 + LEGEND_ROWS * 20;
  return [...rows, html`<text class="tick" x="${BOX.right + 52}" y="${y}">and ${more} more</text>`];
}
