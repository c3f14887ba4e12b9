import { Chart, figureNames, useFigure } from './curves.js';
import { html } from './htm.js';
import { jobPath } from './overview.js';
import { state } from './state.js';
import { figureText } from './words.js';

/** Several jobs beside one another: a line each, and what differs between them. */
export function Compare({ keys }) {
  const jobs = keys.flatMap((key) => {
    const job = state.jobs.get(key);
    return job?.state ? [{ key, ...job }] : [];
  });
  const faults = keys.flatMap((key) => state.jobs.get(key)?.fault ?? []);
  const names = [...new Set(jobs.flatMap(({ rounds, state: { metric } }) => figureNames(rounds, metric)))];
  const { name, choice } = useFigure(names);
  return html`<h1>Compare ${jobs.length} jobs</h1>
    ${faults.map((fault) => html`<p class="trouble" role="alert">${fault}</p>`)}
    ${
      name === undefined
        ? html`<p class="soft">No round of them has closed yet.</p>`
        : html`<section class="card" aria-label="Curves">
            <div class="line"><h2>Curves</h2>${choice}</div>
            <${Chart} lines=${linesOf(jobs, name)} name=${name} />
          </section>`
    }
    <${Differences} jobs=${jobs} name=${name} />`;
}

function labelOf({ state: { name, id } }) {
  return `${name} ${id.slice(-15)}`;
}

function linesOf(jobs, name) {
  const models = [...new Set(jobs.flatMap(({ rounds }) => rounds.map(({ round }) => round - 1)))].sort(
    (a, b) => a - b,
  );
  const all = jobs.map((job) => {
    const values = new Map(job.rounds.map(({ round, figures }) => [round - 1, figures[name]]));
    return { label: labelOf(job), values: models.map((model) => values.get(model) ?? null) };
  });
  return { models, all };
}

/** Facts that are not the same for all, and how far each has come. */
function Differences({ jobs, name }) {
  const names = [...new Set(jobs.flatMap(({ state: { facts } }) => facts.map(([fact]) => fact)))];
  const textOf = ({ state: { facts } }, fact) =>
    facts
      .filter(([known]) => known === fact)
      .map(([, value]) => value)
      .join(', ') || '–';
  const rows = names
    .map((fact) => [fact, jobs.map((job) => textOf(job, fact))])
    .filter(([, values]) => new Set(values).size > 1);
  const last = ({ rounds }) => rounds.at(-1)?.figures[name];
  const own = [
    ['Status', jobs.map(({ state: { status } }) => status)],
    ['Rounds', jobs.map(({ state: { rounds, numRounds } }) => `${rounds ?? 0} of ${numRounds ?? '?'}`)],
    ['Best', jobs.map(({ state: { best, metric } }) => `${metric} ${figureText(best)}`)],
    [`Last ${name ?? ''}`, jobs.map((job) => figureText(last(job)))],
  ];
  return html`<section class="card" aria-label="What differs">
    <h2>What differs</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="What differs, as a table">
      <table>
        <thead><tr><th scope="col">Fact</th>${jobs.map((job) => html`<th key=${job.key} scope="col"><a href=${jobPath(...splitKey(job.key))}>${labelOf(job)}</a></th>`)}</tr></thead>
        <tbody>
          ${[...own, ...rows].map(
            ([fact, values]) =>
              html`<tr key=${fact}><th scope="row">${fact}</th>${values.map((value, at) => html`<td key=${at}>${value}</td>`)}</tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function splitKey(key) {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}
