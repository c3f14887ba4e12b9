import { html, useState } from './htm.js';
import { counted, sinceText, speedText, timeText } from './words.js';

/** The sites of a job, each with how far it is. */
export function Bars({ job }) {
  const [isWaited, setWaited] = useState(false);
  const { progress } = job;
  if (progress.length === 0) return null;
  const waited = progress.filter((site) => site.isWaitedFor);
  const shown = isWaited ? waited : progress;
  return html`<section class="card" aria-label="Sites">
    <div class="line">
      <h2>Sites</h2>
      <p class="soft">${counted(progress.length, 'site')}${waited.length > 0 ? `, ${waited.length} waited for` : ''}</p>
      ${
        progress.length > 8
          ? html`<label class="check"><input type="checkbox" checked=${isWaited} onChange=${(event) => setWaited(event.target.checked)} /> only those waited for</label>`
          : null
      }
    </div>
    <ul class="bars" tabindex="0" aria-label="Progress of the sites">
      ${shown.map((site) => html`<${Bar} key=${site.site} site=${site} />`)}
    </ul>
  </section>`;
}

function Bar({ site }) {
  const { site: name, phase, done, total, perSecond, since, connected, isWaitedFor, rounds, note } = site;
  const isOver = phase === 'answered';
  const part = isOver ? 1 : total ? Math.min(1, done / total) : 0;
  const percent = Math.round(part * 100);
  const words = [
    connected ? phase : 'away',
    total && !isOver ? `${done} of ${total}` : '',
    isOver ? '' : speedText(perSecond),
    rounds === null ? '' : `${counted(rounds, 'round')} in`,
  ].filter(Boolean);
  return html`<li class="bar ${connected ? '' : 'away'} ${isWaitedFor ? 'waited' : ''}">
    <div class="line"><b>${name}</b><span class="soft">${words.join(' · ')}</span></div>
    <div class="track ${isOver ? 'over' : ''}" role="progressbar" aria-label=${`${name}: ${phase}`} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}>
      <i style=${{ width: `${percent}%` }}></i>
    </div>
    ${isWaitedFor ? html`<p class="soft">waited for${since ? ` since ${timeText(since)} (${sinceText(since)})` : ''}</p>` : null}
    ${note ? html`<p class="note">${note}</p>` : null}
  </li>`;
}
