// What the page knows, and the one stream that it comes by.

/** Lines of a job's log that are kept; older ones are let go. */
const MOST_LINES = 20_000;
const AGAIN_MS = 1500;

export const state = {
  /** Of the stream: connecting, live, or lost. */
  connection: 'connecting',
  /** Ids in the order of the dashboard. */
  sources: [],
  views: new Map(),
  /** By `SOURCE JOB`. */
  jobs: new Map(),
  /** What was done last, in a sentence. */
  said: '',
  /** Keys of jobs that are to be compared. */
  chosen: new Set(),
};

let listener = () => undefined;
let isAsked = false;
let stream;
let wanted = [];
let timer;

/** Is called, at most once a frame, when something has changed. */
export function onChange(tell) {
  listener = tell;
}

export function changed() {
  if (isAsked) return;
  isAsked = true;
  // A page that is not looked at has no frames.
  const frame = document.hidden ? (work) => setTimeout(work, 100) : requestAnimationFrame;
  frame(() => {
    isAsked = false;
    listener();
  });
}

export function keyOf(source, job) {
  return `${source} ${job}`;
}

/** Follows these jobs, by their keys, and the lists of all sources. */
export function follow(keys) {
  if (stream && keys.join('\n') === wanted.join('\n')) return;
  wanted = keys;
  open();
}

function open() {
  clearTimeout(timer);
  stream?.close();
  const query = new URLSearchParams(wanted.map((key) => ['follow', key]));
  const own = new EventSource(`stream?${query}`);
  stream = own;
  const on = (name, take) =>
    own.addEventListener(name, (event) => {
      if (own !== stream) return;
      take(JSON.parse(event.data));
      changed();
    });
  on('sources', ({ ids }) => {
    state.connection = 'live';
    state.sources = ids;
    for (const key of wanted) state.jobs.set(key, emptyJob());
  });
  on('view', (view) => state.views.set(view.id, view));
  on('job', takeNews);
  own.addEventListener('error', () => {
    if (own !== stream) return;
    state.connection = 'lost';
    changed();
    // The browser tries again by itself, unless it was refused.
    if (own.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN_MS);
  });
}

function emptyJob() {
  return { state: undefined, rounds: [], log: [], lines: 0, trouble: null, fault: undefined };
}

function takeNews(news) {
  const job = state.jobs.get(keyOf(news.source, news.job));
  if (!job) return;
  if (news.type === 'state') job.state = news.state;
  if (news.type === 'rounds') job.rounds = [...job.rounds, ...news.rounds];
  if (news.type === 'trouble') job.trouble = news.message;
  if (news.type === 'fault') job.fault = news.message;
  if (news.type === 'log') {
    job.lines += news.lines.length;
    job.log = [...job.log, ...news.lines].slice(-MOST_LINES);
  }
}

// A browser opens six connections to the dashboard at most: pages that nobody looks at give theirs up.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    stream?.close();
    stream = undefined;
  } else if (!stream) open();
});

/** What a question brings, or its fault in the dashboard's words. */
export async function ask(path) {
  return answerOf(fetch(path));
}

/** Asks for something to be done. */
export async function act(what) {
  const body = JSON.stringify(what);
  const answer = await answerOf(
    fetch('act', { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
  );
  state.said = answer.fault ?? answer.done;
  changed();
  return answer;
}

async function answerOf(asked) {
  try {
    const response = await asked;
    const answer = await response.json();
    return response.ok ? answer : { fault: `${answer.message} ${answer.hint}`, code: answer.code };
  } catch {
    return { fault: 'The dashboard does not answer: start it again.' };
  }
}
