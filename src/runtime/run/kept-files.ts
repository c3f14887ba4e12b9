import type { Files } from './events.ts';

/** Files of the answers of a round that are kept beside the model it made; no file that a workflow names itself has a name like these. */
const BASE = 'kept/base';
const ANSWER = 'kept/answer/';

export function keptFiles({
  base,
  answers,
}: {
  readonly base: Files[string];
  readonly answers: Files;
}): Files {
  const sent = Object.entries(answers).map(([site, file]) => [`${ANSWER}${site}`, file]);
  return { [BASE]: base, ...Object.fromEntries(sent) };
}

/** Those of them that a workflow has made, by its own names. */
export function withoutKept(files: Files): Files {
  return Object.fromEntries(
    Object.entries(files).filter(([name]) => name !== BASE && !name.startsWith(ANSWER)),
  );
}
