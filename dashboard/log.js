import { html, useEffect, useMemo, useRef, useState } from './htm.js';
import { counted, timeText } from './words.js';

/** Pixels of a line; the style sheet says the same. */
const ROW = 20;
/** Lines that are drawn above and below what is seen. */
const MORE = 8;

/** The log of a job as it grows. Of 10,000 lines those that are seen are drawn. */
export function Log({ log, lines }) {
  const [site, setSite] = useState('');
  const [words, setWords] = useState('');
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const [follows, setFollows] = useState(true);
  const list = useRef();
  const sites = useMemo(() => [...new Set(log.map((line) => line.site))].sort(byNumber), [log]);
  const shown = useMemo(() => filtered(log, { site, words }), [log, site, words]);
  useEffect(() => {
    const sized = new ResizeObserver(() => setHeight(list.current?.clientHeight ?? 400));
    sized.observe(list.current);
    return () => sized.disconnect();
  }, []);
  useEffect(() => {
    if (follows) list.current.scrollTop = shown.length * ROW;
  }, [lines, shown.length, follows]);
  const onScroll = () => {
    const { scrollTop, clientHeight, scrollHeight } = list.current;
    setTop(scrollTop);
    setFollows(scrollTop + clientHeight > scrollHeight - 2 * ROW);
  };
  const from = Math.max(0, Math.floor(top / ROW) - MORE);
  const seen = shown.slice(from, from + Math.ceil(height / ROW) + 2 * MORE);
  return html`<section class="card" aria-label="Log">
    <div class="line">
      <h2>Log</h2>
      <label>Site <select value=${site} onChange=${(event) => setSite(event.target.value)}>
        <option value="">all</option>${sites.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
      </select></label>
      <label>Find <input type="search" value=${words} onInput=${(event) => setWords(event.target.value)} /></label>
      <label class="check"><input type="checkbox" checked=${follows} onChange=${(event) => setFollows(event.target.checked)} /> follow</label>
      <span class="soft">${counted(shown.length, 'line')}</span>
    </div>
    <div class="log" ref=${list} onScroll=${onScroll} tabindex="0" role="region" aria-label="Lines of the log">
      ${shown.length === 0 ? html`<p class="soft">No lines yet.</p>` : null}
      <div class="lines" style=${{ height: `${shown.length * ROW}px` }}>
        <div style=${{ transform: `translateY(${from * ROW}px)` }}>
          ${seen.map(
            (line, at) =>
              html`<div key=${from + at} class="entry ${line.level}"><span class="soft">${timeText(line.time)}</span> <b>${line.site}</b> ${line.text}</div>`,
          )}
        </div>
      </div>
    </div>
  </section>`;
}

function filtered(log, { site, words }) {
  const wanted = words.toLowerCase();
  if (site === '' && wanted === '') return log;
  return log.filter(
    (line) =>
      (site === '' || line.site === site) && (wanted === '' || line.text.toLowerCase().includes(wanted)),
  );
}

function byNumber(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}
