import { shellWord } from '../runtime/base/text/shell-word.ts';

/** `poc start --service site-3`, say, as it is typed for the federation in this workspace. */
export function pocCommand(words: readonly string[], workspace: string | undefined): string {
  const where = workspace === undefined ? [] : ['--workspace', workspace];
  return ['neuroflare', 'poc', ...words, ...where].map((word) => shellWord(word)).join(' ');
}
