import { Compare } from './compare.js';
import { html, render } from './htm.js';
import { JobPage } from './job.js';
import { Overview } from './overview.js';
import { Site } from './site.js';
import { changed, follow, onChange, state } from './state.js';

// The token came in the address; from here on it is in a cookie, and nobody reads it off the screen.
history.replaceState(null, '', `./${location.hash}`);

const page = document.getElementById('page');
page.replaceChildren();
let shown = '';

/** `#/job/SOURCE/JOB`, `#/compare/KEY/KEY`, `#/site/SOURCE`; else the list of all. */
function place() {
  const [, kind = '', ...rest] = location.hash.split('/').map((part) => decode(part));
  return { kind, rest };
}

/** An address that somebody has typed may be none. */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function go() {
  const { kind, rest } = place();
  if (kind === 'job') follow([rest.join(' ')]);
  else if (kind === 'compare') follow(rest);
  else follow([]);
  state.said = '';
  changed();
}

function App() {
  const { kind, rest } = place();
  const [title, content] = contentOf(kind, rest);
  document.title = `${title} · neuroflare`;
  return html`
    <a class="skip" href="#content" onClick=${focusContent}>To the content</a>
    <header>
      <a class="brand" href="#/">neuroflare</a>
      <nav aria-label="Pages">
        <a href="#/" aria-current=${kind === '' ? 'page' : undefined}>Jobs</a>
        <${CompareLink} kind=${kind} />
      </nav>
      <${Connection} />
    </header>
    <p class="said" role="status">${state.said}</p>
    <main id="content" tabindex="-1">${content}</main>
    <footer>For research: not a medical device.</footer>
  `;
}

function contentOf(kind, rest) {
  if (kind === 'job')
    return [nameOf(rest), html`<${JobPage} key=${rest.join(' ')} source=${rest[0]} job=${rest[1]} />`];
  if (kind === 'compare') return ['Compare', html`<${Compare} keys=${rest} />`];
  if (kind === 'site') return ['Site', html`<${Site} key=${rest[0]} source=${rest[0]} />`];
  return ['Jobs', html`<${Overview} />`];
}

function nameOf([source, job]) {
  return state.jobs.get(`${source} ${job}`)?.state?.name ?? job;
}

function CompareLink({ kind }) {
  const keys = [...state.chosen];
  if (keys.length < 2) return null;
  const path = keys.map((key) => encodeURIComponent(key)).join('/');
  const current = kind === 'compare' ? 'page' : undefined;
  return html`<a href=${`#/compare/${path}`} aria-current=${current}>Compare ${keys.length}</a>`;
}

function Connection() {
  const texts = {
    connecting: 'connecting',
    live: 'live',
    lost: 'The dashboard does not answer: it has ended, or is busy. Trying again.',
  };
  return html`<p class="connection ${state.connection}" role="status">${texts[state.connection]}</p>`;
}

function focusContent(event) {
  event.preventDefault();
  document.getElementById('content').focus();
}

function draw() {
  render(html`<${App} />`, page);
  if (location.hash === shown) return;
  shown = location.hash;
  scrollTo(0, 0);
}

onChange(draw);
addEventListener('hashchange', go);
// Times since then go on while nothing else changes.
setInterval(changed, 1000);
go();
