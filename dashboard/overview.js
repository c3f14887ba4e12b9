import { html, useState } from './htm.js';
import { changed, keyOf, state } from './state.js';
import { counted, figureText, timeText } from './words.js';

/** Rows of a source that are drawn before somebody asks for all. */
const FEW = 30;
const MOST_COMPARED = 8;

/** All sources with their jobs. */
export function Overview() {
  const views = state.sources.flatMap((id) => state.views.get(id) ?? []);
  return html`
    <h1>Jobs</h1>
    <${Approvals} views=${views} />
    ${views.map((view) => html`<${Source} key=${view.id} view=${view} />`)}
    ${state.connection === 'live' && views.length === 0 ? html`<p>Looking…</p>` : null}
  `;
}

/** What somebody here should decide comes first. */
function Approvals({ views }) {
  const waiting = views
    .filter(({ kind }) => kind === 'site')
    .flatMap(({ id, label, jobs }) =>
      jobs.filter(({ status }) => status === 'waiting for approval').map((job) => ({ id, label, job })),
    );
  if (waiting.length === 0) return null;
  return html`<section class="card call" aria-label="Waits for approval">
    <h2>Waits for approval</h2>
    <ul class="plain">
      ${waiting.map(
        ({ id, label, job }) =>
          html`<li>
            <a href=${jobPath(id, job.id)}>Look at the code of ${job.name}</a>${' '}
            by ${job.by ?? 'somebody not known yet'}, at ${label}
          </li>`,
      )}
    </ul>
  </section>`;
}

export function jobPath(source, job) {
  return `#/job/${encodeURIComponent(source)}/${encodeURIComponent(job)}`;
}

const EMPTY = {
  workspace: ['No runs here yet.', 'neuroflare simulate JOB'],
  server: ['No jobs yet.', 'neuroflare job submit JOB'],
  site: ['No jobs at this site now.', undefined],
};

function Source({ view }) {
  const [words, setWords] = useState('');
  const [isAll, setAll] = useState(false);
  const { id, kind, label, about, trouble, jobs, notes } = view;
  const found = jobs.filter(({ name, id: job, status, by }) => fits(words, [name, job, status, by]));
  const shown = isAll ? found : found.slice(0, FEW);
  const [nothing, command] = EMPTY[kind];
  return html`<section class="card" aria-label=${`${label}, ${kind}`}>
    <div class="line">
      <h2>${label}</h2>
      <p class="soft">${about}</p>
      ${kind === 'site' ? html`<a href=${`#/site/${id}`}>What left, and who decided what</a>` : null}
    </div>
    ${trouble ? html`<p class="trouble" role="alert">${trouble}</p>` : null}
    ${notes.map((note) => html`<p class="note">${note}</p>`)}
    ${
      jobs.length > 10
        ? html`<label class="search">Find <input type="search" value=${words} onInput=${(event) => setWords(event.target.value)} placeholder="name, id, status" /></label>`
        : null
    }
    ${
      jobs.length === 0
        ? html`<p class="soft">${nothing} ${command ? html`<code>${command}</code>` : null}</p>`
        : html`<${Jobs} source=${id} kind=${kind} jobs=${shown} />`
    }
    ${
      found.length > shown.length
        ? html`<button type="button" onClick=${() => setAll(true)}>Show all ${found.length}</button>`
        : null
    }
    ${view.sites.length > 0 ? html`<${Sites} sites=${view.sites} />` : null}
  </section>`;
}

function fits(words, texts) {
  const all = texts.join(' ').toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function Jobs({ source, kind, jobs }) {
  const isSite = kind === 'site';
  return html`<table class="jobs">
    <thead>
      <tr>
        ${isSite ? null : html`<th scope="col"><span class="hidden">Compare</span></th>`}
        <th scope="col">Job</th>
        <th scope="col">Status</th>
        <th scope="col">Rounds</th>
        ${isSite ? null : html`<th scope="col" class="number">Sites</th><th scope="col" class="number">Best</th>`}
        <th scope="col">Begun</th>
        <th scope="col">By, waits for</th>
      </tr>
    </thead>
    <tbody>
      ${jobs.map((job) => html`<${Job} key=${job.id} source=${source} job=${job} isSite=${isSite} />`)}
    </tbody>
  </table>`;
}

function Job({ source, job, isSite }) {
  const { id, name, status, tone, rounds, numRounds, sites, best, metric, begun, by, waits } = job;
  const part = numRounds ? Math.min(1, (rounds ?? 0) / numRounds) : 0;
  const about = [by, waits && `waits for ${waits}`].filter(Boolean).join(' · ');
  return html`<tr>
    ${isSite ? null : html`<td class="choose"><${Choose} mark=${keyOf(source, id)} name=${name} /></td>`}
    <th scope="row"><a href=${jobPath(source, id)}>${name}</a><small>${id.slice(-24)}</small></th>
    <td data-label="Status" class="status"><span class="badge ${tone}">${status}</span></td>
    <td data-label="Rounds">
      ${rounds === null ? '–' : numRounds === null ? rounds : `${rounds} of ${numRounds}`}
      ${numRounds ? html`<span class="meter" aria-hidden="true"><i style=${{ width: `${part * 100}%` }}></i></span>` : null}
    </td>
    ${
      isSite
        ? null
        : html`<td data-label="Sites" class="number">${sites ?? '–'}</td>
            <td data-label=${`Best ${metric ?? ''}`} class="number" title=${metric}>${figureText(best)}</td>`
    }
    <td data-label="Begun">${timeText(begun)}</td>
    <td data-label="By, waits for" class=${about === '' ? 'wide none' : 'wide'}>${about}</td>
  </tr>`;
}

function Choose({ mark, name }) {
  const isChosen = state.chosen.has(mark);
  const choose = () => {
    if (isChosen) state.chosen.delete(mark);
    else if (state.chosen.size < MOST_COMPARED) state.chosen.add(mark);
    changed();
  };
  return html`<input type="checkbox" checked=${isChosen} onChange=${choose} aria-label=${`Compare ${name}`} />`;
}

function Sites({ sites }) {
  const here = sites.filter(({ connected }) => connected).length;
  return html`<details open=${sites.length <= 8}>
    <summary>${counted(sites.length, 'site')}, ${here} connected</summary>
    <div class="scroll" tabindex="0" role="region" aria-label="Sites">
      <table>
        <thead>
          <tr><th scope="col">Site</th><th scope="col">State</th><th scope="col">Engine</th><th scope="col">Version</th><th scope="col">Jobs</th><th scope="col">Last seen</th></tr>
        </thead>
        <tbody>
          ${sites.map(
            (site) => html`<tr key=${site.site}>
              <th scope="row">${site.site}<small>${site.org}</small></th>
              <td><span class="badge ${site.connected ? 'done' : 'stopped'}">${siteState(site)}</span></td>
              <td>${site.engine ?? '–'}</td><td>${site.version ?? '–'}</td><td>${site.jobs}</td><td>${timeText(site.lastSeen)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
}

function siteState({ connected, enabled }) {
  if (!enabled) return 'disabled';
  return connected ? 'connected' : 'away';
}
