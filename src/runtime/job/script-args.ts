/** Words of a command line, as a shell of POSIX parts them: quotes hold blanks, a backslash takes the next letter as it is. */

const WORD = /(?:[^\s'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")+/g;
const PARTS = /\\([\s\S])|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|[^\s'"\\]+/g;

/** Undefined where a quote has no end. */
export function wordsOf(text: string): string[] | undefined {
  const rest = text.replace(WORD, '');
  if (rest.trim() !== '') return undefined;
  return (text.match(WORD) ?? []).map(unquoted);
}

function unquoted(word: string): string {
  return [...word.matchAll(PARTS)]
    .map(
      ([whole, letter, plain, quoted]) => letter ?? plain ?? quoted?.replace(/\\([\\"$`])/g, '$1') ?? whole,
    )
    .join('');
}

/** `executor.script_args` as the script finds them in `sys.argv`. */
export function scriptArgsOf(given: string | readonly string[] | undefined): readonly string[] {
  return typeof given === 'string' ? (wordsOf(given) ?? []) : (given ?? []);
}
