import { createReadStream } from 'node:fs';

/**
 * The lines of a file, one at a time, and what follows the last newline. They end at a newline alone: `node:readline` also ends
 * them at U+2028, which JSON may hold.
 * @param start byte at which a line begins
 */
export async function* readLines(
  path: string,
  start = 0,
): AsyncGenerator<{ text: string; isWhole: boolean }> {
  let rest = '';
  for await (const chunk of createReadStream(path, { encoding: 'utf8', start })) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) yield { text, isWhole: true };
  }
  if (rest !== '') yield { text: rest, isWhole: false };
}
