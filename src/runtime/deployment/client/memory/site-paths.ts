import { basename, isAbsolute } from 'node:path';
import { isAboutData } from '../../../base/errors/about-data.ts';
import { ERROR_CATALOG } from '../../../base/errors/catalog.ts';
import { type ErrorReport, isErrorCode, type Place } from '../../../base/errors/errors.ts';
import { textInGeneral } from '../../../base/text/fill-text.ts';

/** Paths and names of files at a site say who its patients are and how its machines are laid out, cells of its tables who they are: they do not leave it in a text. */

/** What stands in for a path. */
const PATH = '<path>';
/** In quotes (an apostrophe opens none) a path may have blanks, commas and brackets: all that stands there goes. */
const QUOTED = /(?<!\w)(['"`])(?=[^'"`\n]*[\\/])(?!neuroflare )[^'"`\n]+\1(?!\w)/g;
/** Files of images, and folders and files of BIDS, which name a subject. */
const IMAGE = String.raw`(?:nii(?:\.gz)?|dcm|ima|mgz|nrrd|mha|png|jpe?g|tiff?|bmp)`;
const QUOTED_IMAGE = new RegExp(String.raw`(?<!\w)(['"\`])[^'"\`\n]+\.${IMAGE}\1`, 'gi');
/** An absolute path of any system: where one may begin, how a file's name ends, and what no path has. Blanks and commas may be in it. */
const ROOT = /(?<![\w.@<>\\/-])(?:[A-Za-z]:)?[\\/]/g;
const FILE_END = /\.[A-Za-z][A-Za-z0-9]{0,4}(?:\.gz)?(?![\w.\\/])/g;
const NO_PATH = /[\n'"`<>]/g;
const ABSOLUTE = /(?<![\w.@<>-])(?:[A-Za-z]:)?(?:[\\/][^\s\\/'"`:,;()<>]+){2,}[\\/]?/g;
const WORD = /[^\s'"]+/g;
const SUBJECT = /\bsub-(?=[A-Za-z0-9])/g;
const NAME = /[^\s'"`,;:()<>*]+/g;
const IMAGE_END = new RegExp(String.raw`\.${IMAGE}(?![\w.])`, 'gi');

/** As in this process, or as it was read from a message. */
type Report = Omit<ErrorReport, 'place' | 'stack'> & {
  readonly place?: { readonly [Key in keyof Place]?: Place[Key] | undefined } | undefined;
};

/**
 * The report with no path of this machine in its words, and no place that is a file. What is wrong with data is said in general: a job chooses by
 * its selection which column is read, and what stands there would go out in the message.
 * @param isOwn quoted files of the job, known outside
 */
export function withoutSitePaths(
  report: Report,
  isOwn: (path: string) => boolean = () => false,
): Omit<ErrorReport, 'stack'> {
  const { code, exitCode, place } = report;
  const { site, round, key } = place ?? {};
  const where = {
    ...(site !== undefined && { site }),
    ...(round !== undefined && { round }),
    ...(key !== undefined && { key }),
  };
  const message =
    isErrorCode(code) && isAboutData(code)
      ? textInGeneral(ERROR_CATALOG[code].message)
      : withoutPaths(report.message, place?.file, isOwn);
  // What the catalogue says in general holds no path of this site.
  const isGeneral = isErrorCode(code) && ERROR_CATALOG[code].hint === report.hint;
  const hint = isGeneral ? report.hint : withoutPaths(report.hint, place?.file, isOwn);
  return { code, message, hint, exitCode, ...(place && { place: where }) };
}

function withoutPaths(text: string, known: string | undefined, isOwn: (path: string) => boolean): string {
  // The one path that is known for sure is found whatever its name is.
  const names = known !== undefined && isAbsolute(known) ? [known, basename(known)] : [];
  const rest = names.reduce((left, name) => (name.length > 2 ? left.replaceAll(name, PATH) : left), text);
  const unquoted = rest
    .replace(QUOTED, (whole, quote: string) =>
      isOwn(whole.slice(1, -1)) ? whole : `${quote}${PATH}${quote}`,
    )
    .replace(QUOTED_IMAGE, `$1${PATH}$1`);
  return withoutFiles(unquoted)
    .replace(ABSOLUTE, PATH)
    .replace(WORD, withoutSubject)
    .replace(NAME, withoutImage);
}

/** Each from where it may begin to the first end of a file's name; a pattern that says both looks through the rest of the text for each beginning. */
function withoutFiles(text: string): string {
  const parts: string[] = [];
  let done = 0;
  let edge = next(NO_PATH, text, 0);
  let end = next(FILE_END, text, 0);
  for (let start = next(ROOT, text, 0); start && end; ) {
    if (edge && edge.at < start.end) edge = next(NO_PATH, text, start.end);
    if (end.at < start.end) end = next(FILE_END, text, start.end);
    if (!end) break;
    // What ends behind the edge, or not at all, does so for all that begin before the edge.
    const isPath: boolean = !edge || end.at < edge.at;
    if (isPath) {
      parts.push(text.slice(done, start.at), PATH);
      done = end.end;
    }
    start = next(ROOT, text, isPath || !edge ? end.end : edge.end);
  }
  return parts.join('') + text.slice(done);
}

/** The next place of a pattern from an index on. */
function next(pattern: RegExp, text: string, from: number): { at: number; end: number } | undefined {
  pattern.lastIndex = from;
  const found = pattern.exec(text);
  return found ? { at: found.index, end: found.index + found[0].length } : undefined;
}

/** From its beginning to the end of the last folder or file that names a subject. */
function withoutSubject(word: string): string {
  const last = word.includes('sub-') ? [...word.matchAll(SUBJECT)].at(-1) : undefined;
  if (!last) return word;
  const name = /^[^",:]*/.exec(word.slice(last.index))?.[0] ?? '';
  return PATH + word.slice(last.index + name.length);
}

function withoutImage(name: string): string {
  if (!name.includes('.')) return name;
  const last = [...name.matchAll(IMAGE_END)].findLast(({ index }) => index > 0);
  return last ? PATH + name.slice(last.index + last[0].length) : name;
}
