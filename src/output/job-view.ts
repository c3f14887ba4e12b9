import { partsOfTask } from '../runtime/algorithms/task.ts';
import { counted } from '../runtime/base/text/counted.ts';
import { shellWord } from '../runtime/base/text/shell-word.ts';
import type { JobNews } from '../runtime/deployment/admin/admin.ts';
import type { JobMeta } from '../runtime/network/messages/admin.ts';
import type { RunEvent } from '../runtime/run/events.ts';
import { duration, roundName, waitingText } from './job-text.ts';

type Line = (text: string) => void;

export interface JobView {
  readonly onNews: (events: JobNews['events'], meta: JobMeta) => void;
  readonly onTrouble: (message: string | undefined) => void;
}

/**
 * A job while it goes on, as plain lines: each thing is said when it changes. `repeats`: a long wait is said again now and then, for
 * somebody who looks at a screen; in a file the same line tells nothing new.
 */
export function createJobView(line: Line, repeats = process.stderr.isTTY === true): JobView {
  let said = '';
  let status = '';
  let waiting = '';
  let saidAt = 0;
  let trouble: string | undefined;
  const answers = new Answers();
  return {
    onNews: (events, meta) => {
      for (const { event } of events) {
        const text = eventText(event, meta);
        answers.take(event);
        if (text !== undefined) line(event.type === 'round.closed' ? `${text}; ${answers.text()}` : text);
        for (const note of notesOf(event)) line(`warning: ${note}`);
      }
      if (meta.status !== status) line(`status: ${meta.status}`);
      status = meta.status;
      const now = waitingText(meta) ?? '';
      const isLong = performance.now() - saidAt > AGAIN_MS;
      const isWorthIt = repeats || now !== said;
      if (now !== '' && isLong && isWorthIt && (now === waiting || meta.status !== 'RUNNING')) {
        line(`waiting for ${now}`);
        said = now;
        saidAt = performance.now();
      }
      if (now !== waiting) saidAt = performance.now() - AGAIN_MS + FIRST_MS;
      waiting = now;
    },
    onTrouble: (message) => {
      if (message !== undefined && message !== trouble) line(`${message} Trying again.`);
      if (message === undefined && trouble !== undefined) line('The server answers again.');
      trouble = message;
    },
  };
}

/** A wait is worth a line when it lasts. */
const FIRST_MS = 2000;
const AGAIN_MS = 15_000;
/** Of sites in a line. */
const MOST_NAMES = 5;

/** Who was asked in the round at hand, and whose result is in it. */
class Answers {
  #asked: readonly string[] = [];
  readonly #answered = new Set<string>();

  take(event: RunEvent): void {
    if (event.type === 'round.opened') {
      this.#asked = event.sites;
      this.#answered.clear();
    }
    if (event.type === 'result.accepted') this.#answered.add(event.result.site);
    if (event.type === 'result.dropped') this.#answered.delete(partsOfTask(event.task).site);
  }

  text(): string {
    const missing = this.#asked.filter((site) => !this.#answered.has(site));
    if (missing.length === 0) return `all of ${counted(this.#asked.length, 'site')} answered`;
    const shown = missing.slice(0, MOST_NAMES).join(', ');
    const more = missing.length > MOST_NAMES ? ` and ${missing.length - MOST_NAMES} more` : '';
    return `${this.#answered.size} of ${counted(this.#asked.length, 'site')} answered, not ${shown}${more}`;
  }
}

function eventText(event: RunEvent, { metric, num_rounds: rounds }: JobMeta): string | undefined {
  if (event.type === 'round.opened') {
    const sites = event.sites.join(', ');
    if (event.about !== undefined) return `the model of ${event.about} sent to ${sites} (${event.name})`;
    if (event.name === 'evaluate') return `final model sent to ${sites}`;
    const what = event.name === 'train' ? '' : ` for ${event.name}`;
    return `round ${event.round} of ${rounds} opened${what} with ${sites}`;
  }
  if (event.type === 'site.failed') {
    const { code, message } = event.error;
    const { site, round } = partsOfTask(event.task);
    return `${site} failed in ${roundName(round, rounds)}: ${code}: ${message}`;
  }
  if (event.type === 'result.dropped')
    return `${partsOfTask(event.task).site} is asked again: ${event.reason}`;
  if (event.type === 'run.resumed') return `${event.by} resumed the job after round ${event.round}`;
  if (event.type === 'run.opened' && event.resumedFromRound !== undefined)
    return `the server goes on after round ${event.resumedFromRound}`;
  if (event.type !== 'round.closed') return undefined;
  const { round } = event;
  const value = event.metrics[metric];
  const figure = typeof value === 'number' ? value.toFixed(3) : '-';
  const label = event.kind === 'train' ? `round ${round} of ${rounds} closed` : 'final model scored';
  return `${label}, ${metric} of model ${round - 1}: ${figure}`;
}

function notesOf(event: RunEvent): readonly string[] {
  return event.type === 'round.closed' ? (event.notes ?? []) : [];
}

/** The last line of a watched job. */
export function endText(meta: JobMeta): string {
  const { job_id: id, status, seconds, best, metric } = meta;
  const figure = best ? `; best model ${best.model}, ${metric} ${best.value.toFixed(3)}` : '';
  const next =
    status === 'FINISHED:COMPLETED'
      ? `neuroflare job download ${shellWord(id)}`
      : `neuroflare job resume ${shellWord(id)}, once the cause is mended`;
  return `${status} after ${duration(seconds)}${figure}\nNext: ${next}`;
}
