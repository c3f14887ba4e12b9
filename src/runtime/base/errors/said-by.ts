import { partsOf, textInGeneral } from '../text/fill-text.ts';
import type { ErrorRow } from './catalog/row.ts';
import { ERROR_CATALOG } from './catalog.ts';
import { type ErrorReport, isErrorCode } from './errors.ts';

/** A name, a number or a path, or a list of them: no sentence, and nothing a shell obeys. */
const WORD = '[^\\s,;|&$<>`\'"\\\\(){}]{1,200}';
const WORDS = `${WORD}(?:, ${WORD}){0,50}`;
/** A word of a command that a shell takes as it is. */
const SHELL_WORD = '[\\w@%+=:,./-]{1,200}';

/**
 * A failure in the words of another machine: what to do next is said in that one's name, unless they are the catalogue's own words. People
 * do what a hint says, and take one that stands alone for this program's.
 */
export function saidBy<Report extends Pick<ErrorReport, 'code' | 'hint'>>(
  who: string,
  report: Report,
): Report {
  const { code, hint } = report;
  return hint === '' || isOfCatalogue(code, hint) ? report : { ...report, hint: `${who} says: ${hint}` };
}

/** Whether a hint is the one of the catalogue, with plain words in its places. */
function isOfCatalogue(code: string, hint: string): boolean {
  if (!isErrorCode(code)) return false;
  const row: ErrorRow = ERROR_CATALOG[code];
  if (hint === textInGeneral(row.hint)) return true;
  const parts = partsOf(row.hint);
  // A hint that is nothing but its places is whatever the other one wrote.
  if (!parts.some((part) => typeof part === 'string' && /\w{3}/.test(part))) return false;
  const form = parts.map((part) => {
    if (typeof part === 'string') return escaped(part);
    if (part.one !== undefined && part.many !== undefined)
      return `\\d+ (?:${escaped(part.one)}|${escaped(part.many)})`;
    return part.isWord ? SHELL_WORD : WORDS;
  });
  return new RegExp(`^${form.join('')}$`, 'u').test(hint);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
