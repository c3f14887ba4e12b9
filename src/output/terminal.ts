import { printable, printableJson } from '../runtime/base/text/printable.ts';

/** The one place that writes to the terminal: whatever else goes wrong, nobody's text is obeyed there. */

/** Colours and bold of our own; texts of others have lost theirs before they came here. */
const STYLE = /(\u001b\[[\d;]*m)/;

/** Lines for people, as they may be shown. */
export function shownText(text: string): string {
  return text
    .split(STYLE)
    .map((part, at) => (at % 2 === 1 ? part : printable(part, '\n\t')))
    .join('');
}

/** The answer of a command, on stdout. */
export function writeAnswer(text: string): void {
  process.stdout.write(withEnd(shownText(text)));
}

/** One line of JSON, on stdout. */
export function writeJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

/** Text for people beside the answer, on stderr. */
export function writeNote(text: string): void {
  process.stderr.write(withEnd(shownText(text)));
}

function withEnd(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
