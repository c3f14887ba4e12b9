import { type Html, html } from '../../../base/text/html.ts';
import type { EstimateFigure } from '../../result-parts.ts';
import { interval, percent } from '../figures.ts';
import { linearScale, ticks } from './scale.ts';

/** A named figure with its interval. */
export interface IntervalRow {
  readonly label: string;
  readonly figure: EstimateFigure;
  /** `model` stands out, `strong` is the one to beat. */
  readonly kind: 'model' | 'strong' | 'plain';
}

const WIDTH = 740;
const ROW = 30;
const LEFT = 190;
const RIGHT = 160;
const TOP = 26;

/** Dots with whiskers on a scale from 0 to 100 %, one row each, and a line at chance. */
export function intervalChart(
  rows: readonly IntervalRow[],
  options: { chance?: number; title: string },
): Html {
  const height = TOP + rows.length * ROW + 8;
  const x = linearScale([0, 1], [LEFT, WIDTH - RIGHT]);
  const grid = ticks([0, 1], 5).map(
    (tick) => html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 4}" y2="${height - 8}"/>
<text class="tick" x="${x(tick)}" y="${TOP - 10}" text-anchor="middle">${Math.round(100 * tick)} %</text>`,
  );
  const { chance } = options;
  const line =
    chance === undefined
      ? null
      : html`<line class="chance" x1="${x(chance)}" x2="${x(chance)}" y1="${TOP - 4}" y2="${height - 8}"/>`;
  const marks = rows.map((row, at) => mark(row, { x, y: TOP + at * ROW + ROW / 2 }));
  return html`<div class="scroll" tabindex="0"><svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${options.title}">${grid}${line}${marks}</svg></div>`;
}

function mark({ label, figure, kind }: IntervalRow, at: { x: (value: number) => number; y: number }): Html {
  const { x, y } = at;
  const name = html`<text class="label ${kind}" x="${LEFT - 14}" y="${y + 4}" text-anchor="end">${label}</text>`;
  if (figure.value === null) {
    return html`${name}<text class="value" x="${LEFT + 4}" y="${y + 4}">not defined</text>`;
  }
  const whisker =
    figure.low === null || figure.high === null
      ? null
      : html`<line class="whisker ${kind}" x1="${x(figure.low)}" x2="${x(figure.high)}" y1="${y}" y2="${y}"/>`;
  return html`${name}${whisker}<circle class="dot ${kind}" cx="${x(figure.value)}" cy="${y}" r="${kind === 'model' ? 6 : 4.5}"/>
<text class="value ${kind}" x="${WIDTH - RIGHT + 14}" y="${y + 4}">${percent(figure.value)}<tspan class="range" dx="8">${interval(figure)}</tspan></text>`;
}
