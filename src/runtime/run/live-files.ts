import { taskId } from '../algorithms/task.ts';
import type { AcceptedResult, FileRef } from './events.ts';
import { contendingModels, type Exchange, type RunHistory } from './history.ts';

/** A file that a run still needs. */
export interface LiveFile {
  readonly file: FileRef;
  /**
   * model: nothing can make it again. answer: of the open round, its site can be asked again. state: what a site keeps between its
   * tasks; it lies where the site's scripts run.
   */
  readonly role: 'model' | 'answer' | 'state';
  /** Whose answer or state it is. */
  readonly site?: string;
  /** Of an answer that its site can be asked for again: the task. */
  readonly task?: string;
}

/**
 * Which files a run needs to go on from where its events end, to be made longer, or to show what it came to: the one answer, for
 * everything that checks, copies, backs up or removes files of a run. Where files are named by their digests, answers of several sites may
 * lie in one.
 */
export function liveFiles(history: RunHistory): LiveFile[] {
  const { initial, position, exchanges, states, made, serverState, asked, arrived, taken } = history;
  const global = [position?.model, ...serverState, ...made.flatMap(({ payload }) => Object.values(payload))];
  const singles = [...arrived, ...taken];
  const given = [
    ...exchanges.flatMap(({ opened: { inputs, own = {} } }) =>
      [inputs, ...Object.values(own)].flatMap(Object.values<FileRef>),
    ),
    ...[...asked, ...singles].flatMap(({ inputs }) => Object.values(inputs)),
  ];
  const models = [initial, ...global, ...contendingModels(history), ...given];
  const answers = [
    ...exchanges.flatMap(({ accepted }) => accepted),
    ...singles.flatMap(({ answer }) => answer ?? []),
  ];
  const all: LiveFile[] = [
    ...models.flatMap((file) => (file ? [{ file, role: 'model' } as const] : [])),
    ...exchanges.flatMap((exchange) => exchange.accepted.flatMap((answer) => filesOf(answer, exchange))),
    ...singles.flatMap(({ answer }) => (answer ? filesOf(answer) : [])),
    ...[...states, ...answers.flatMap(({ site, state }) => (state ? [[site, state] as const] : []))].map(
      ([site, file]) => ({ file, role: 'state', site }) as const,
    ),
  ];
  const seen = new Set<string>();
  return all.filter(({ file: { path }, site }) => {
    const key = `${path} ${site ?? ''}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** Nobody is asked again once it is settled which answers count. */
function filesOf({ site, files }: AcceptedResult, exchange?: Exchange): LiveFile[] {
  const task = exchange && !exchange.isAnswered && { task: taskId({ ...exchange.opened, site }) };
  return Object.values(files).map((file) => ({ file, role: 'answer', site, ...task }));
}

/** Of a run whose history went on from `before` to `after`: what it needed, and does not need any more. */
export function spentFiles(before: RunHistory, after: RunHistory): FileRef[] {
  const kept = new Set(liveFiles(after).map(({ file }) => file.path));
  return liveFiles(before).flatMap(({ file }) => (kept.has(file.path) ? [] : [file]));
}
