import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { runCli } from './cli.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Commands in the code blocks of a page, or of one section of it, without their remarks and the prompt. */
export function commandsOf(page: string, section?: string): string[] {
  const text = readFileSync(`${ROOT}${page}`, 'utf8');
  const part =
    section === undefined ? text : (text.split(/^## /m).find((one) => one.startsWith(`${section}\n`)) ?? '');
  // Blocks of other languages are taken, too: the end of one must not be read as the beginning of the next.
  const blocks = [...part.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].flatMap(([, language = '', block = '']) =>
    ['', 'sh', 'console'].includes(language) ? [block] : [],
  );
  return blocks
    .flatMap((block) => block.replace(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.replace(/\s+#.*$/, '').replace(/^\$ |^npx /, ''))
    .filter((line) => /^neuroflare [a-z]/.test(line))
    .map((line) => line.slice('neuroflare '.length));
}

/** A command line as a shell takes it apart: quoted words are one. */
export function wordsOf(line: string): string[] {
  return (line.match(/(?:'[^']*'|"[^"]*"|\S)+/g) ?? []).map((word) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'),
  );
}

/**
 * Runs the commands of a section of a page as they stand, shortened to one round; none fails or says that it did.
 * @param more what made data needs beside it: words that follow others
 */
export async function runSection(
  page: string,
  section: string,
  {
    count,
    cwd,
    more: [after, words] = ['', ''],
  }: { count: number; cwd: string; more?: readonly [string, string] | undefined },
) {
  const lines = commandsOf(page, section);
  expect(lines).toHaveLength(count);
  for (const line of lines) {
    const short = line
      .replace('num_rounds=20', 'num_rounds=1 --set local_epochs=1 --set image_size=32')
      .replace(after, `${after}${words}`);
    const { code, stderr } = await runCli(wordsOf(short), { cwd });
    expect([line, code, stderr]).toEqual([line, 0, expect.not.stringContaining('Error')]);
  }
}
