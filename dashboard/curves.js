import { html, useEffect, useRef, useState } from './htm.js';
import { figureText } from './words.js';

/** Lines of more sites have no names beside them; the table has. */
const MOST_NAMED = 12;
const HEIGHT = 300;

/** Names of the figures that rounds have, the key metric first. */
export function figureNames(rounds, metric) {
  const names = new Set();
  for (const { figures, sites } of rounds) {
    for (const name of Object.keys(figures)) names.add(name);
    for (const site of Object.values(sites)) for (const name of Object.keys(site.figures)) names.add(name);
  }
  const others = [...names].filter((name) => name !== metric).sort();
  return names.has(metric) ? [metric, ...others] : others;
}

/** How the figures of a job grow: a line over all sites, and one a site. */
export function Curves({ job, rounds }) {
  const { name, choice } = useFigure(figureNames(rounds, job.metric));
  if (name === undefined)
    return html`<section class="card" aria-label="Curves"><h2>Curves</h2><p class="soft">No round has closed yet.</p></section>`;
  const lines = linesOf(rounds, name);
  return html`<section class="card" aria-label="Curves">
    <div class="line"><h2>Curves</h2>${choice}</div>
    <${Chart} lines=${lines} name=${name} />
    <${RoundTable} rounds=${rounds} name=${name} lines=${lines} />
  </section>`;
}

/** The figure that is looked at, and what chooses another; a figure that is gone gives way to the first. */
export function useFigure(names) {
  const [wanted, setWanted] = useState('');
  const name = names.includes(wanted) ? wanted : names[0];
  const choice = html`<label>Figure <select value=${name} onChange=${(event) => setWanted(event.target.value)}>
    ${names.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
  </select></label>`;
  return { name, choice };
}

/** Values by model: over all sites, and of each. */
function linesOf(rounds, name) {
  const sites = new Set(rounds.flatMap((round) => Object.keys(round.sites)));
  const ordered = [...sites].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const own = (label, read) => ({ label, values: rounds.map((round) => read(round) ?? null) });
  return {
    models: rounds.map(({ round }) => round - 1),
    all: [
      { ...own('all sites', ({ figures }) => figures[name]), isMain: true },
      ...ordered.map((site) => own(site, (round) => round.sites[site]?.figures[name])),
    ],
  };
}

/** @param lines models, and `all`: label and values of each line */
export function Chart({ lines, name }) {
  const place = useRef();
  const chart = useRef();
  const [cursor, setCursor] = useState(null);
  const [hidden, setHidden] = useState(new Set());
  const [theme, setTheme] = useState(0);
  const shape = JSON.stringify([lines.all.map(({ label }) => label), theme]);
  useEffect(() => onTheme(() => setTheme((count) => count + 1)), []);
  useEffect(() => {
    const made = new globalThis.uPlot(
      optionsOf(lines, place.current, setCursor),
      dataOf(lines),
      place.current,
    );
    chart.current = made;
    const sized = new ResizeObserver(() => made.setSize({ width: widthOf(place.current), height: HEIGHT }));
    sized.observe(place.current);
    return () => {
      sized.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => chart.current?.setData(dataOf(lines)), [JSON.stringify(dataOf(lines))]);
  useEffect(() => {
    for (const [at, { label }] of drawn(lines).entries())
      chart.current?.setSeries(at + 1, { show: !hidden.has(label) });
  }, [hidden, shape]);
  const toggle = (label) => {
    const next = new Set(hidden);
    if (!next.delete(label)) next.add(label);
    setHidden(next);
  };
  return html`<div class="chart" role="img" aria-label=${wordsOf(lines, name)} ref=${place}></div>
    <${Legend} lines=${lines} cursor=${cursor} hidden=${hidden} toggle=${toggle} />`;
}

function Legend({ lines, cursor, hidden, toggle }) {
  const at = cursor ?? lines.models.length - 1;
  const names = lines.all.map(
    ({ label, values }, index) =>
      html`<button key=${label} type="button" class="key" aria-pressed=${!hidden.has(label)} onClick=${() => toggle(label)}>
        <i style=${{ background: colourOf(index) }}></i>${label} <b>${figureText(lastOf(values, at))}</b>
      </button>`,
  );
  const model = html`<span class="soft">model ${lines.models[at] ?? '–'}</span>`;
  if (names.length <= MOST_NAMED) return html`<div class="legend">${model}${names}</div>`;
  return html`<div class="legend">${model}${names[0]}</div>
    <details><summary>${names.length - 1} sites</summary><div class="legend">${names.slice(1)}</div></details>`;
}

/** A site that gave none for a model is shown by what it gave last. */
function lastOf(values, at) {
  for (let index = at; index >= 0; index--) if (values[index] !== null) return values[index];
  return null;
}

function dataOf(lines) {
  return [lines.models, ...drawn(lines).map(({ values }) => values)];
}

/** The lines in the order in which they are drawn: the first one last, over all others. */
function drawn({ all: [main, ...others] }) {
  return [...others, main];
}

function wordsOf({ models, all }, name) {
  const [main] = all;
  const known = main.values.filter((value) => value !== null);
  const range = known.length > 0 ? ` from ${figureText(known[0])} to ${figureText(known.at(-1))}` : '';
  return `${name} of ${models.length} models, ${main.label}${range}; ${all.length - 1} more lines. The table below has the numbers.`;
}

const COLOURS = ['#4c78a8', '#b0752f', '#54a24b', '#b279a2', '#3aa6a0', '#e45756', '#8c6bb1', '#7f7f7f'];
/** Sites that share a colour differ by their dashes. */
const DASHES = [[], [6, 4], [2, 3], [10, 4, 2, 4]];

function colourOf(index) {
  return index === 0 ? styleOf('--accent') : COLOURS[(index - 1) % COLOURS.length];
}

function dashOf(index) {
  return index === 0 ? [] : DASHES[Math.floor((index - 1) / COLOURS.length) % DASHES.length];
}

function styleOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function widthOf(element) {
  return Math.max(200, element.clientWidth);
}

/** Between marks of the axis of models, which are whole. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

function optionsOf(lines, element, setCursor) {
  const { all } = lines;
  const lined = { stroke: styleOf('--line'), width: 1 };
  const axis = { stroke: styleOf('--soft'), grid: lined, ticks: lined };
  return {
    width: widthOf(element),
    height: HEIGHT,
    legend: { show: false },
    // A model beside none has an axis, too.
    scales: { x: { time: false, range: (_, least, most) => [least, Math.max(most, least + 1)] } },
    focus: { alpha: 0.3 },
    cursor: { focus: { prox: 24 }, drag: { x: true, y: false } },
    hooks: { setCursor: [({ cursor }) => setCursor(cursor.idx ?? null)] },
    axes: [
      { ...axis, label: 'model', incrs: STEPS },
      { ...axis, size: 64 },
    ],
    series: [{}, ...drawn(lines).map((line) => seriesOf(line, all.indexOf(line), all.length))],
  };
}

function seriesOf({ label, isMain }, index, count) {
  return {
    label,
    stroke: colourOf(index),
    width: isMain ? 3 : 1.4,
    dash: dashOf(index),
    spanGaps: true,
    points: { show: count <= MOST_NAMED, size: isMain ? 7 : 4 },
  };
}

function onTheme(tell) {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', tell);
  return () => dark.removeEventListener('change', tell);
}

function RoundTable({ rounds, name, lines }) {
  const few = lines.all.slice(0, MOST_NAMED + 1);
  return html`<details>
    <summary>Table of ${name}</summary>
    <div class="scroll" tabindex="0" role="region" aria-label=${`Table of ${name}`}>
      <table>
        <thead><tr><th scope="col">Model</th>${few.map(({ label }) => html`<th scope="col" class="number">${label}</th>`)}<th scope="col" class="number">Seconds of its round</th><th scope="col">Notes</th></tr></thead>
        <tbody>
          ${rounds.map(
            (round, at) => html`<tr key=${round.round}>
              <th scope="row">${round.round - 1}</th>
              ${few.map(({ values }) => html`<td class="number">${figureText(values[at])}</td>`)}
              <td class="number">${round.seconds === null ? '–' : round.seconds.toFixed(1)}</td>
              <td>${round.notes.join(' ')}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
}
