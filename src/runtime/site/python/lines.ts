import type { Readable } from 'node:stream';

export interface Printed {
  readonly text: string;
  readonly isError: boolean;
}

/** Characters of a line that has no end yet. */
const LONGEST = 100_000;

/** Passes on whole lines, so that those of two streams do not run into one another. Returns what passes on the rest. */
export function linesOf(
  stream: Readable | null,
  isError: boolean,
  print: (printed: Printed) => void,
): () => void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (piece: string) => {
    rest += piece;
    const end = rest.length > LONGEST ? rest.length : rest.lastIndexOf('\n') + 1;
    if (end === 0) return;
    print({ text: rest.slice(0, end), isError });
    rest = rest.slice(end);
  });
  return () => {
    if (rest !== '') print({ text: `${rest}\n`, isError });
    rest = '';
  };
}
