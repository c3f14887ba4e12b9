import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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
