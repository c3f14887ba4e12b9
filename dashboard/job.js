import { Asked } from './ask.js';
import { Bars } from './bars.js';
import { Curves } from './curves.js';
import { html } from './htm.js';
import { Log } from './log.js';
import { Code, Egress } from './site.js';
import { act, keyOf, state } from './state.js';
import { durationText, figureText, sinceText, timeText } from './words.js';

/** One job, as it goes on. */
export function JobPage({ source, job: id }) {
  const followed = state.jobs.get(keyOf(source, id));
  const view = state.views.get(source);
  if (followed?.fault) return html`<h1>${id}</h1><p class="trouble" role="alert">${followed.fault}</p>`;
  const job = followed?.state;
  if (!job) return html`<h1>${id}</h1><p>Looking…</p>`;
  const isSite = view?.kind === 'site';
  return html`
    <${Head} source=${source} job=${job} label=${view?.label} />
    ${followed.trouble ? html`<p class="trouble" role="alert">${followed.trouble} Trying again.</p>` : null}
    <${Waiting} waiting=${job.waiting} />
    <${Failures} job=${job} />
    ${job.notes.map((note) => html`<p class="note">${note}</p>`)}
    ${isSite ? html`<${Code} source=${source} job=${job} />` : null}
    <${Bars} job=${job} />
    ${isSite ? null : html`<${Curves} job=${job} rounds=${followed.rounds} />`}
    <${Log} log=${followed.log} lines=${followed.lines} />
    ${isSite ? html`<${Egress} source=${source} job=${id} />` : null}
    <${Facts} facts=${job.facts} />
    <${Next} commands=${job.next} />
  `;
}

function Head({ source, job, label }) {
  const { name, id, status, tone, rounds, numRounds, round, begun, ended, metric, best } = job;
  const end = ended ? Date.parse(ended) : Date.now();
  const took = begun && (tone === 'running' || ended) ? durationText((end - Date.parse(begun)) / 1000) : '';
  const part = numRounds ? Math.min(1, (rounds ?? 0) / numRounds) : 0;
  return html`<div class="head">
    <div>
      <h1>${name} <span class="badge ${tone}">${status}</span></h1>
      <p class="soft">${[label, id, begun && `begun ${timeText(begun)}`, took].filter(Boolean).join(' · ')}</p>
      ${
        numRounds
          ? html`<p>
              <b>${rounds ?? 0} of ${numRounds} rounds</b>${round && tone === 'running' ? `, round ${round} at hand` : ''}${best === null ? '' : `, best ${metric} ${figureText(best)}`}
              <span class="meter" aria-hidden="true"><i style=${{ width: `${part * 100}%` }}></i></span>
            </p>`
          : null
      }
    </div>
    <div class="buttons"><${Actions} source=${source} job=${job} /></div>
  </div>`;
}

function Actions({ source, job }) {
  const { id, actions, hasReport } = job;
  const what = (action) => act({ source, job: id, action });
  const report = `report?${new URLSearchParams({ source, job: id })}`;
  return html`
    ${hasReport ? html`<a class="button" href=${report} target="_blank" rel="noopener">Open the report</a>` : null}
    ${actions.includes('report') ? html`<button type="button" onClick=${() => what('report')}>${hasReport ? 'Make the report again' : 'Make the report'}</button>` : null}
    ${
      actions.includes('clone')
        ? html`<${Asked} label="Clone" question="Submit this job again?" yes="Sign and submit"
            about=${`Its files are checked against what ${job.by} signed, signed with your key, and submitted as yours.`} onYes=${() => act({ source, job: id, action: 'clone', by: job.by })} />`
        : null
    }
    ${
      actions.includes('abort')
        ? html`<${Asked} label="Abort" tone="bad" question="Abort this job?" yes="Abort the job"
            about="It ends at the server and at all sites. What its rounds have made stays, and it can be resumed." onYes=${() => what('abort')} />`
        : null
    }
    ${
      actions.includes('stop')
        ? html`<${Asked} label="Stop at this site" tone="bad" question="End this job at this site?" yes="End it here" field="Reason, which the server is told"
            about="It does not run here again. The server counts the site by the rule of the round." onYes=${(reason) => act({ source, job: id, action: 'stop', reason })} />`
        : null
    }
  `;
}

function Waiting({ waiting }) {
  if (!waiting) return null;
  const { what, since, rule, ends } = waiting;
  const left = ends ? Math.max(0, Date.parse(ends) - Date.now()) / 1000 : null;
  return html`<section class="card call" aria-label="Waits for">
    <p><b>Waits for ${what}</b></p>
    <p class="soft">since ${timeText(since)} (${sinceText(since)}) · ${rule}${left === null ? '' : ` · the round ends in ${durationText(left)}`}</p>
  </section>`;
}

function Failures({ job }) {
  const { failure, error } = job;
  const isSame = failure && error && failure.error.message === error.message;
  return html`
    ${failure ? html`<${Fault} title=${`First failure: ${failure.site ?? ''}${failure.round === null ? '' : `, round ${failure.round}`}`} error=${failure.error} />` : null}
    ${error && !isSame ? html`<${Fault} title="What ended it" error=${error} />` : null}
  `;
}

function Fault({ title, error }) {
  const { code, message, hint, place, stack } = error;
  const where =
    place?.file && [place.file, place.line, place.column].filter((part) => part !== undefined).join(':');
  return html`<section class="card fault" aria-label=${title}>
    <h2>${title}</h2>
    <p><b>${message}</b></p>
    ${where ? html`<p><code>${where}</code></p>` : null}
    ${place?.excerpt ? html`<pre tabindex="0" aria-label="Lines of the source">${place.excerpt}</pre>` : null}
    <p>${hint} <code>${code}</code></p>
    ${stack ? html`<details><summary>Stack</summary><pre tabindex="0">${stack}</pre></details>` : null}
  </section>`;
}

function Facts({ facts }) {
  if (facts.length === 0) return null;
  return html`<section class="card" aria-label="Facts">
    <h2>Facts</h2>
    <dl class="facts">${facts.map(([name, value], at) => html`<div key=${at}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
  </section>`;
}

function Next({ commands }) {
  if (commands.length === 0) return null;
  return html`<section class="card" aria-label="Next">
    <h2>Next</h2>
    <ul class="plain">${commands.map((command) => html`<li key=${command}><code>${command}</code></li>`)}</ul>
  </section>`;
}
