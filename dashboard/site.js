import { Asked } from './ask.js';
import { html, useEffect, useState } from './htm.js';
import { act, ask, state } from './state.js';
import { bytesText, timeText } from './words.js';

/** What a question brings, asked again when `when` changes. */
function useAnswer(path, when) {
  const [answer, setAnswer] = useState(undefined);
  useEffect(() => {
    let isWanted = true;
    ask(path).then((found) => isWanted && setAnswer(found));
    return () => {
      isWanted = false;
    };
  }, [path, when]);
  return answer;
}

/** The code of a job at a site, against what was approved before, and the decision on it. */
export function Code({ source, job }) {
  const { id, actions, status } = job;
  const code = useAnswer(`code?${new URLSearchParams({ source, job: id })}`, `${status} ${actions}`);
  if (!code) return html`<section class="card" aria-label="Code"><h2>Code</h2><p>Looking…</p></section>`;
  if (code.fault)
    return html`<section class="card" aria-label="Code"><h2>Code</h2><p class="soft">${code.fault}</p></section>`;
  const decide = (action) => act({ source, job: id, action, code: code.code });
  const before = code.before
    ? `Against the code approved on ${timeText(code.before.time)}: + is new, - is gone.`
    : 'No code was approved here before.';
  return html`<section class="card" aria-label="Code">
    <div class="line">
      <h2>Code</h2>
      <span class="badge ${code.isApproved ? 'done' : 'waiting'}">${code.isApproved ? 'approved here' : 'not approved here'}</span>
      <code>${code.code}</code>
    </div>
    <p class="soft">${before}</p>
    ${code.files.map((file) => html`<${CodeFile} key=${file.path} file=${file} />`)}
    <div class="buttons">
      ${
        actions.includes('approve')
          ? html`<${Asked} label="Approve this code" tone="good" question="Let this code run here?" yes="Approve with the key of this site"
              about=${`The code ${code.code.slice(0, 16)}… by ${job.by ?? 'somebody not known yet'} may run at this site, now and whenever it comes again. The approval is for the scripts, not for the values in job.yaml.`} onYes=${() => decide('approve')} />`
          : null
      }
      ${
        actions.includes('revoke')
          ? html`<${Asked} label="Take the approval back" tone="bad" question="Take the approval back?" yes="Take it back"
              about="Jobs that run with this code end at this site." onYes=${() => decide('revoke')} />`
          : null
      }
    </div>
  </section>`;
}

const MARKS = { ' ': 'same', '+': 'added', '-': 'gone' };

function CodeFile({ file }) {
  const { path, size, change, lines } = file;
  const label = change ? `${path}, ${change}` : path;
  return html`<details open=${change !== 'same'}>
    <summary>${path} <span class="soft">${bytesText(size)}</span> ${change ? html`<span class="badge ${change === 'same' ? 'stopped' : 'waiting'}">${change}</span>` : null}</summary>
    ${
      lines === null
        ? html`<p class="soft">It is no text, or too long to be shown here: look at it in its folder.</p>`
        : html`<div class="code" tabindex="0" role="region" aria-label=${label}>
            ${lines.map(([mark, text], at) => html`<div key=${at} class=${MARKS[mark]}><span aria-hidden=${mark === ' '}>${mark}</span>${text}</div>`)}
          </div>`
    }
  </details>`;
}

/** What has left a site, by what it was. */
export function Egress({ source, job }) {
  const report = useAnswer(
    `egress?${new URLSearchParams({ source, job })}`,
    state.views.get(source)?.jobs.length,
  );
  return html`<section class="card" aria-label="What left">
    <h2>What left this site</h2>
    ${!report ? html`<p>Looking…</p>` : report.fault ? html`<p class="soft">${report.fault}</p>` : html`<${Sums} report=${report} />`}
  </section>`;
}

function Sums({ report }) {
  const { bytes, sums, first, last, ledger } = report;
  return html`<p class="soft">${bytesText(bytes)} from ${timeText(first) || '–'} to ${timeText(last) || '–'}, by the ledger <code>${ledger}</code></p>
    <div class="scroll" tabindex="0" role="region" aria-label="Sums of the ledger">
      <table>
        <thead><tr><th scope="col">Content</th><th scope="col">Job</th><th scope="col" class="number">Requests</th><th scope="col" class="number">Size</th></tr></thead>
        <tbody>
          ${sums.map(
            (sum, at) => html`<tr key=${at}>
              <th scope="row">${sum.content}</th><td>${sum.job ?? '–'}</td><td class="number">${sum.requests}</td><td class="number">${bytesText(sum.bytes)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

/** A site: all that left, and who decided what. */
export function Site({ source }) {
  const view = state.views.get(source);
  return html`<h1>${view?.label ?? source}</h1>
    <${Egress} source=${source} job="all" />
    <${Audit} source=${source} />`;
}

function Audit({ source }) {
  const logs = useAnswer(
    `audit?${new URLSearchParams({ source, job: 'all' })}`,
    state.views.get(source)?.jobs.length,
  );
  if (!logs) return html`<p>Looking…</p>`;
  if (logs.fault) return html`<p class="trouble" role="alert">${logs.fault}</p>`;
  return logs.map((log) => html`<${AuditLog} key=${log.name} log=${log} />`);
}

function AuditLog({ log }) {
  const { name, entries, findings, newest } = log;
  const isSound = findings.length === 0;
  return html`<section class="card" aria-label=${name}>
    <div class="line">
      <h2>${name}</h2>
      <span class="badge ${isSound ? 'done' : 'failed'}">${isSound ? 'nothing changed, cut or added' : 'not as it was written'}</span>
      <span class="soft">${entries} entries</span>
    </div>
    ${findings.map(({ line, problem }) => html`<p class="trouble">Line ${line}: ${problem}</p>`)}
    ${
      newest.length === 0
        ? null
        : html`<div class="scroll tall" tabindex="0" role="region" aria-label=${`Entries of ${name}`}>
            <table>
              <thead><tr><th scope="col">Time</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Job</th><th scope="col">Outcome</th><th scope="col">Detail</th></tr></thead>
              <tbody>
                ${newest.map(
                  (entry, at) => html`<tr key=${at}>
                    <th scope="row">${timeText(String(entry.time))}</th><td>${text(entry.actor)}</td><td>${text(entry.action)}</td><td>${text(entry.job)}</td><td>${text(entry.outcome)}</td><td>${text(entry.detail)}</td>
                  </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}

function text(value) {
  return value === undefined || value === null ? '' : String(value);
}
