import { type Html, html } from '../../../base/text/html.ts';
import type { ClassEvaluation } from '../../class-result.ts';
import { linearScale, ticks } from './scale.ts';

type Bins = ClassEvaluation['calibration']['bins'];

const SIDE = 300;
const BOX = { left: 44, right: 290, top: 10, bottom: 256 };

/** Share of right answers over confidence: a calibrated model follows the diagonal. */
export function reliabilityChart(bins: Bins, calibrated: Bins | null): Html {
  const x = linearScale([0, 1], [BOX.left, BOX.right]);
  const y = linearScale([0, 1], [BOX.bottom, BOX.top]);
  const grid = ticks([0, 1], 5).map(
    (tick) => html`<line class="grid" x1="${x(0)}" x2="${x(1)}" y1="${y(tick)}" y2="${y(tick)}"/>
<text class="tick" x="${BOX.left - 6}" y="${y(tick) + 4}" text-anchor="end">${Math.round(100 * tick)}</text>
<text class="tick" x="${x(tick)}" y="${BOX.bottom + 16}" text-anchor="middle">${Math.round(100 * tick)}</text>`,
  );
  const most = Math.max(...bins.map(({ count }) => count), 1);
  const draw = (own: Bins, kind: string) => {
    const path = own
      .map(({ confidence, accuracy }, at) => `${at === 0 ? 'M' : 'L'}${x(confidence)} ${y(accuracy)}`)
      .join('');
    const points = own.map(
      ({ confidence, accuracy, count }) =>
        html`<circle class="point ${kind}" cx="${x(confidence)}" cy="${y(accuracy)}" r="${(2 + 3 * Math.sqrt(count / most)).toFixed(1)}"/>`,
    );
    return html`<path class="line ${kind}" d="${path}"/>${points}`;
  };
  return html`<svg class="chart square" viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="Reliability diagram">${grid}
<line class="chance" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>${draw(bins, 'c1')}${calibrated ? draw(calibrated, 'main') : null}
<text class="tick" x="${(BOX.left + BOX.right) / 2}" y="${SIDE - 8}" text-anchor="middle">confidence, %</text>
<text class="tick" transform="translate(12 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)" text-anchor="middle">right, %</text></svg>`;
}
